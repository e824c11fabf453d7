// Chat messages: the bodies of agent messages between two people's clients. The chat plugin parses what
// arrives and encodes what it sends with these (docs/protocol/simplex-chat.md, "General message format").
#pragma once

#include "plexus/bytes.hpp"
#include "plexus/chat/errors.hpp"
#include "plexus/encoding/version.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace plexus::chat {

namespace json = boost::json;

/// What this library speaks, and what it says of itself in each message.
inline constexpr encoding::version_range supported_versions{1, 16};

/// Bytes of the encoded JSON that fit into one agent message, and into a connection information.
inline constexpr std::size_t max_encoded_message_length = 15602;
inline constexpr std::size_t max_encoded_info_length = 14694;
/// The same for the compressed form on connections that agreed on the KEM.
inline constexpr std::size_t max_compressed_message_length = 13380;
inline constexpr std::size_t max_compressed_info_length = 10968;
/// What all parts of one body may decompress to.
inline constexpr std::size_t max_decompressed_length = 128 * 1024;

/// A message in JSON. `params` of a known event hold exactly what the official encoder would write: unknown
/// members are gone, values are in canonical form. Of an unknown event they are as they came.
struct message {
    encoding::version_range versions = supported_versions;
    std::string message_id; ///< base64url of the 12-byte shared message id; empty if there is none
    std::string event;      ///< "x.msg.new"
    json::object params;
};

/// A piece of a small file inside a message ("F"): chunk 0 cancels.
struct file_chunk {
    bytes message_id;
    std::uint8_t number = 0;
    bytes data;
    friend bool operator==(const file_chunk&, const file_chunk&) = default;
};

using any_message = std::variant<message, file_chunk>;

/// All messages of one body: one JSON object, a batch in a JSON array, a binary message, or a compressed
/// batch. A bad item of a batch is an error in its place and spoils nothing else. Deterministic, bounded by
/// max_decompressed_length.
std::vector<result<any_message>> parse_messages(bytes_view body);
/// One message from parsed JSON.
result<message> parse_message(const json::value& value);

/// Keys in alphabetical order, absent values left out. `message.params` are written as they are.
std::string encode(const message& value);
/// `encode` with a limit in bytes: chat_error::too_long names both sizes.
result<std::string> encode(const message& value, std::size_t limit);
result<bytes> encode(const file_chunk& value);

/// JSON text with keys in alphabetical order at every level, as official clients write it.
std::string sorted_json(const json::value& value);
/// The same with keys in the order of the objects.
std::string ordered_json(const json::value& value);

} // namespace plexus::chat
