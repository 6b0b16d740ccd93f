/* What libxenctrl asks the hypervisor for, out of the file that HVM_CONTEXT names: loaded before it (LD_PRELOAD). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void *xc_interface_open(void *logger, void *dombuild_logger, unsigned flags)
{
    static int handle;
    return &handle;
}

int xc_domain_hvm_getcontext(void *handle, uint32_t domain, uint8_t *buffer, uint32_t size)
{
    const char *path = getenv("HVM_CONTEXT");
    FILE *file = path ? fopen(path, "rb") : NULL;
    long octets;

    if (!file)
        return -1;
    fseek(file, 0, SEEK_END);
    octets = ftell(file);
    rewind(file);
    if (buffer)
        octets = (long)fread(buffer, 1, size, file);
    fclose(file);
    return (int)octets;
}
