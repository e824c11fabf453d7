// Shapes of JSON values, as data, and the one function that checks a value against a shape and returns it in
// canonical form: unknown members dropped, absent values left out. Used for the parameters of every event.
#pragma once

#include "plexus/chat/errors.hpp"

#include <boost/json/value.hpp>

#include <span>
#include <string_view>

namespace plexus::chat::schema {

namespace json = boost::json;

/// Where a value stands, for error messages; a list from the inside out that lives on the stack.
struct place {
    const place* outer = nullptr;
    std::string_view name;
};
error refuse(const place& where, std::string_view why);

struct shape;
using rule = result<json::value> (*)(const json::value&, const place&);

struct field {
    std::string_view name;
    const shape& type;
    bool required = true;
};

/// One alternative of a tagged union: the value of "type" and the members beside it.
struct alternative {
    std::string_view tag;
    std::span<const field> fields;
};

enum class kind : std::uint8_t { leaf, word, record, list, map, tagged };

struct shape {
    kind what;
    rule check = nullptr;                      ///< leaf
    std::span<const std::string_view> words{}; ///< word: the values allowed
    std::span<const field> fields{};           ///< record
    const shape* item = nullptr;               ///< list, map
    std::span<const alternative> choices{};    ///< tagged
    bool keep_unknown = false;                 ///< tagged: an unknown tag is kept as it came
    bool keep_invalid = false;                 ///< tagged: a known tag with bad members is kept as it came
};

constexpr shape leaf(rule check) { return {.what = kind::leaf, .check = check}; }
constexpr shape word(std::span<const std::string_view> words) { return {.what = kind::word, .words = words}; }
constexpr shape record(std::span<const field> fields) { return {.what = kind::record, .fields = fields}; }
constexpr shape list(const shape& item) { return {.what = kind::list, .item = &item}; }
constexpr shape map(const shape& item) { return {.what = kind::map, .item = &item}; }

result<json::value> normalise(const shape& type, const json::value& value, const place& where);
/// The members of `fields` found in `from`; null counts as absent where a member is optional.
result<json::object> normalise(std::span<const field> fields, const json::object& from, const place& where);

} // namespace plexus::chat::schema
