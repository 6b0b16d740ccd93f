-- What Wireshark gives a Lua script, as far as the dissector uses it.
std = "lua52"
read_globals = {
    "ByteArray", "DissectorTable", "Field", "Listener", "MENU_STAT_RESPONSE_TIME", "MENU_STAT_UNSORTED", "NSTime", "Pref",
    "Proto", "ProtoExpert", "ProtoField", "TextWindow", "UInt64", "Int64", "apply_filter", "base", "bit", "expert", "frametype",
    "ENC_STRING", "ENC_UTF_8", "gui_enabled", "register_menu", "register_packet_menu", "register_postdissector",
    "register_stat_cmd_arg", "set_filter", "set_plugin_info",
}
