// /network as the official terminal app has it, and more: its words as a change of the network's settings,
// and the answer in the shape of the bot API.
#pragma once

#include "plexus/abi/draft/network.h"
#include "plexus/result.hpp"

#include <boost/json/object.hpp>

namespace plexus::chat_plugin {

namespace json = boost::json;

/// "socks=on timeout=10" as plexus.network/0 takes it. With socks= first it is the official command, which
/// sets what it does not name to its presets; otherwise only what is named changes.
result<json::object> parse_network_words(std::string_view text);

/// The JSON of /_network: all settings, so that what is optional and missing is off.
json::object whole_network_config(json::object given);

/// What the network says, PLEXUS_NETWORK_SETTINGS or _STATUS.
json::object read_network(const plexus_network& network, std::uint32_t what);

/// {"type":"networkConfig","networkConfig":{official},"plexus":{more settings, proxy, servers}}
json::object network_answer(const plexus_network& network);

} // namespace plexus::chat_plugin
