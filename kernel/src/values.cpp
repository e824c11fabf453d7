#include "values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "nearest.hpp"
#include "plexus/secret.hpp"

namespace plexus::kernel {
namespace {

struct unit {
    std::string_view name;
    std::int64_t size;
};

constexpr std::int64_t second = 1'000'000'000;
constexpr std::array<unit, 8> durations = {{{"w", 7 * 86400 * second},
                                            {"d", 86400 * second},
                                            {"h", 3600 * second},
                                            {"m", 60 * second},
                                            {"s", second},
                                            {"ms", 1'000'000},
                                            {"us", 1000},
                                            {"ns", 1}}};
constexpr std::array<unit, 5> sizes = {{{"TiB", std::int64_t{1} << 40},
                                        {"GiB", std::int64_t{1} << 30},
                                        {"MiB", std::int64_t{1} << 20},
                                        {"KiB", std::int64_t{1} << 10},
                                        {"B", 1}}};

std::optional<std::int64_t> parse_number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::int64_t> parse_with_unit(std::string_view text, std::span<const unit> units) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = parse_number(text.substr(0, digits));
    if (!number) return std::nullopt;
    for (const unit& one : units)
        if (text.substr(digits) == one.name) {
            if (*number > INT64_MAX / one.size) return std::nullopt;
            return *number * one.size;
        }
    return std::nullopt;
}

std::string format_with_unit(std::int64_t value, std::span<const unit> units) {
    for (const unit& one : units)
        if (value != 0 && value % one.size == 0)
            return std::to_string(value / one.size) + std::string(one.name);
    return "0" + std::string(units.back().name);
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> out;
    while (true) {
        const auto end = std::min(text.find(separator), text.size());
        out.emplace_back(text.substr(0, end));
        if (end == text.size()) return out;
        text.remove_prefix(end + 1);
    }
}

std::string enumerate(const std::vector<std::string>& words) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i != 0) out += i + 1 == words.size() ? " or " : ", ";
        out += "'" + words[i] + "'";
    }
    return out;
}

bool is_secret(const plexus_key& key) { return (key.flags & PLEXUS_KEY_SECRET) != 0; }

std::string shown(const plexus_key& key, std::string_view text) {
    return is_secret(key) ? "the secret" : "'" + std::string(text) + "'";
}

bool contains(const std::vector<std::string>& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

plexus_view view_of(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

} // namespace

std::optional<std::int64_t> parse_duration(std::string_view text) { return parse_with_unit(text, durations); }

std::optional<std::int64_t> parse_size(std::string_view text) {
    if (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos)
        return parse_number(text);
    return parse_with_unit(text, sizes);
}

std::string format_duration(std::int64_t nanoseconds) { return format_with_unit(nanoseconds, durations); }
std::string format_size(std::int64_t size) { return format_with_unit(size, sizes); }

std::string_view type_name(std::uint32_t type) {
    switch (type) {
    case PLEXUS_KEY_TEXT: return "text";
    case PLEXUS_KEY_INTEGER: return "integer";
    case PLEXUS_KEY_BOOLEAN: return "boolean";
    case PLEXUS_KEY_TEXT_LIST: return "list of texts";
    case PLEXUS_KEY_DURATION: return "duration";
    case PLEXUS_KEY_BYTES: return "size";
    default: return "unknown";
    }
}

std::string check_key(const plexus_key& key) {
    if (key.name == nullptr || *key.name == '\0') return "a key has no name";
    const std::string name = key.name;
    for (const std::string& part : split(name, '.')) {
        const bool kebab =
            !part.empty() && part.front() >= 'a' && part.front() <= 'z' &&
            part.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
        if (!kebab) return "the key '" + name + "' is not kebab-case";
    }
    if (key.type < PLEXUS_KEY_TEXT || key.type > PLEXUS_KEY_BYTES)
        return "the key '" + name + "' has the unknown type " + std::to_string(key.type);
    if (key.least > key.most) return "the least value of the key '" + name + "' is above its most";
    if (key.preset != nullptr) {
        value_set trial({&key, 1}, {});
        if (const std::string wrong = trial.take_text(name, key.preset); !wrong.empty())
            return "the preset of the key '" + name + "' is wrong: " + wrong;
    }
    return {};
}

value_set::value_set(std::span<const plexus_key> keys, std::filesystem::path folder)
    : keys_(keys), folder_(std::move(folder)) {}

value_set::~value_set() {
    for (const plexus_key& key : keys_) {
        if (!is_secret(key)) continue;
        const auto found = values_.find(std::string_view(key.name));
        if (found == values_.end()) continue;
        wipe(found->second.text.data(), found->second.text.size());
        for (std::string& item : found->second.list) wipe(item.data(), item.size());
    }
}

std::vector<std::string> value_set::names() const {
    std::vector<std::string> out;
    for (const plexus_key& key : keys_) out.emplace_back(key.name);
    return out;
}

std::vector<const plexus_key*> value_set::changed(const value_set& other) const {
    std::vector<const plexus_key*> out;
    for (const plexus_key& key : keys_) {
        const key_value* ours = find(key.name);
        const key_value* theirs = other.find(key.name);
        const bool same = ours != nullptr && theirs != nullptr
                              ? ours->text == theirs->text && ours->integer == theirs->integer &&
                                    ours->boolean == theirs->boolean && ours->list == theirs->list
                              : ours == theirs;
        if (!same) out.push_back(&key);
    }
    return out;
}

const plexus_key* value_set::declared(std::string_view name) const {
    for (const plexus_key& key : keys_)
        if (name == key.name) return &key;
    return nullptr;
}

const key_value* value_set::find(std::string_view key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
}

void value_set::take(const document_value& table, std::string_view section,
                     const std::vector<std::string>& skipped, problem_list& problems) {
    take_table(table, "", section, skipped, problems);
    for (const std::string& missing : complete())
        problems.add(table.where, std::string(section) + "." + missing + " is required and missing (" +
                                      std::string(type_name(declared(missing)->type)) + ": " +
                                      declared(missing)->doc + ")");
}

void value_set::take_table(const document_value& table, const std::string& prefix, std::string_view section,
                           const std::vector<std::string>& skipped, problem_list& problems) {
    for (const document_entry& entry : table.entries) {
        if (prefix.empty() && contains(skipped, entry.key)) continue;
        const std::string name = prefix + entry.key;
        const plexus_key* key = declared(name);
        if (key == nullptr) {
            const std::string inner = name + ".";
            const bool is_group = std::any_of(keys_.begin(), keys_.end(), [&](const plexus_key& one) {
                return std::string_view(one.name).substr(0, inner.size()) == inner;
            });
            if (is_group && entry.value.kind == value_kind::table) {
                take_table(entry.value, inner, section, skipped, problems);
                continue;
            }
            auto known = names();
            if (prefix.empty()) known.insert(known.end(), skipped.begin(), skipped.end());
            problems.add(entry.where,
                         "unknown key " + std::string(section) + "." + name + did_you_mean(name, known));
            continue;
        }
        if (std::find(given_.begin(), given_.end(), key) != given_.end()) continue;
        key_value value;
        if (const std::string wrong = convert(*key, entry.value, value); wrong.empty()) {
            store(*key, std::move(value));
        } else {
            problems.add(entry.value.where, std::string(section) + "." + name + ": " + wrong);
            store(*key, {}); // it is there, if wrong: not to be reported as missing too
        }
    }
}

std::string value_set::convert(const plexus_key& key, const document_value& from, key_value& to) const {
    const auto mismatch = [&](std::string_view expected) {
        return "expected " + std::string(expected) + ", found " + std::string(kind_name(from.kind));
    };
    switch (key.type) {
    case PLEXUS_KEY_TEXT:
        if (from.kind != value_kind::text) return mismatch("a text");
        return convert_text(key, from.text, to);
    case PLEXUS_KEY_DURATION:
        if (from.kind != value_kind::text) return mismatch("a duration such as \"250ms\" or \"10s\"");
        return convert_text(key, from.text, to);
    case PLEXUS_KEY_INTEGER:
        if (from.kind != value_kind::integer) return mismatch("an integer");
        to.integer = from.integer;
        return check_bounds(key, from.integer);
    case PLEXUS_KEY_BYTES:
        if (from.kind == value_kind::integer) {
            to.integer = from.integer;
            if (from.integer < 0) return "a size is not negative";
            return check_bounds(key, from.integer);
        }
        if (from.kind != value_kind::text) return mismatch("a size such as \"64KiB\"");
        return convert_text(key, from.text, to);
    case PLEXUS_KEY_BOOLEAN:
        if (from.kind != value_kind::boolean) return mismatch("true or false");
        to.boolean = from.boolean;
        return {};
    default:
        if (from.kind != value_kind::list) return mismatch("a list of texts");
        for (const document_value& item : from.items) {
            if (item.kind != value_kind::text)
                return "expected a list of texts, found " + std::string(kind_name(item.kind)) + " in it";
            if (std::string wrong = convert_text(key, item.text, to); !wrong.empty()) return wrong;
        }
        return {};
    }
}

std::string value_set::convert_text(const plexus_key& key, std::string_view text, key_value& to) const {
    switch (key.type) {
    case PLEXUS_KEY_TEXT:
    case PLEXUS_KEY_TEXT_LIST: {
        if (key.choices != nullptr) {
            const auto choices = split(key.choices, '|');
            if (!contains(choices, text)) {
                const std::string hint = is_secret(key) ? std::string() : did_you_mean(text, choices);
                return shown(key, text) + " is not one of " + enumerate(choices) + hint;
            }
        }
        std::string placed = place(key, std::string(text));
        if (key.type == PLEXUS_KEY_TEXT)
            to.text = std::move(placed);
        else
            to.list.push_back(std::move(placed));
        return {};
    }
    case PLEXUS_KEY_BOOLEAN:
        if (text != "true" && text != "false") return shown(key, text) + " is neither true nor false";
        to.boolean = text == "true";
        return {};
    default: {
        const auto number = key.type == PLEXUS_KEY_INTEGER    ? parse_number(text)
                            : key.type == PLEXUS_KEY_DURATION ? parse_duration(text)
                                                              : parse_size(text);
        if (!number) {
            const std::string_view way = key.type == PLEXUS_KEY_INTEGER ? "an integer"
                                         : key.type == PLEXUS_KEY_DURATION
                                             ? "a duration (a number and ns, us, ms, s, m, h, d or w)"
                                             : "a size (a number, and B, KiB, MiB, GiB or TiB)";
            return shown(key, text) + " is not " + std::string(way);
        }
        to.integer = *number;
        return check_bounds(key, *number);
    }
    }
}

std::string value_set::check_bounds(const plexus_key& key, std::int64_t value) const {
    if (key.least == 0 && key.most == 0) return {};
    const auto format = [&](std::int64_t number) {
        if (key.type == PLEXUS_KEY_DURATION) return format_duration(number);
        if (key.type == PLEXUS_KEY_BYTES) return format_size(number);
        return std::to_string(number);
    };
    if (value >= key.least && value <= key.most) return {};
    return (is_secret(key) ? "the secret" : format(value)) + " is not from " + format(key.least) + " to " +
           format(key.most);
}

std::string value_set::place(const plexus_key& key, std::string text) const {
    if ((key.flags & PLEXUS_KEY_PATH) == 0 || text.empty()) return text;
    const std::filesystem::path path = text;
    return path.is_absolute() ? text : (folder_ / path).lexically_normal().string();
}

void value_set::store(const plexus_key& key, key_value value) {
    key_value& kept = values_[key.name];
    kept = std::move(value);
    for (const std::string& item : kept.list) kept.views.push_back(view_of(item));
}

std::string value_set::take_text(std::string_view name, std::string_view text) {
    const plexus_key* key = declared(name);
    if (key == nullptr) return "unknown key " + std::string(name) + did_you_mean(name, names());
    key_value value;
    if (key->type == PLEXUS_KEY_TEXT_LIST)
        if (const auto found = values_.find(name); found != values_.end()) value.list = found->second.list;
    std::string wrong = convert_text(*key, text, value);
    if (wrong.empty()) store(*key, std::move(value));
    return wrong;
}

std::string value_set::take_given(std::string_view name, bytes_view value) {
    const plexus_key* key = declared(name);
    if (key == nullptr) return "unknown key " + std::string(name) + did_you_mean(name, names());
    if (!is_secret(*key) || key->type != PLEXUS_KEY_TEXT)
        return std::string(name) + " is no secret text: it stands in the configuration";
    key_value& kept = values_[key->name];
    wipe(kept.text.data(), kept.text.size());
    kept.text = as_text(value);
    given_.push_back(key);
    return {};
}

void value_set::forget_given() {
    for (const plexus_key* key : given_) {
        const auto found = values_.find(std::string_view(key->name));
        wipe(found->second.text.data(), found->second.text.size());
        values_.erase(found);
    }
    given_.clear();
}

std::vector<std::string> value_set::complete() {
    std::vector<std::string> missing;
    for (const plexus_key& key : keys_) {
        if (values_.contains(std::string_view(key.name))) continue;
        if (key.preset != nullptr) {
            // A preset was checked with the declaration (check_key). An empty one of a list is the empty
            // list.
            key_value value;
            if (key.type != PLEXUS_KEY_TEXT_LIST || *key.preset != '\0') convert_text(key, key.preset, value);
            store(key, std::move(value));
        } else if ((key.flags & PLEXUS_KEY_REQUIRED) != 0) {
            missing.emplace_back(key.name);
        }
    }
    return missing;
}

plexus_config value_set::table() {
    // Keys come from plugins as C strings; a lookup allocates nothing and changes nothing.
    struct lookup {
        static const key_value* of(void* self, const char* name, std::initializer_list<std::uint32_t> types,
                                   std::int32_t& status) {
            const auto* set = static_cast<const value_set*>(self);
            const plexus_key* key = name == nullptr ? nullptr : set->declared(name);
            if (key == nullptr || std::find(types.begin(), types.end(), key->type) == types.end()) {
                status = PLEXUS_E_INVALID;
                return nullptr;
            }
            const key_value* value = set->find(name);
            status = value == nullptr ? PLEXUS_E_NOT_FOUND : PLEXUS_OK;
            return value;
        }
    };
    plexus_config out{};
    out.service = {sizeof(plexus_config), 0, this};
    out.get_text = [](void* self, const char* key, plexus_view* value) {
        std::int32_t status = 0;
        if (const auto* found = lookup::of(self, key, {PLEXUS_KEY_TEXT}, status))
            *value = view_of(found->text);
        return status;
    };
    out.get_integer = [](void* self, const char* key, std::int64_t* value) {
        std::int32_t status = 0;
        if (const auto* found =
                lookup::of(self, key, {PLEXUS_KEY_INTEGER, PLEXUS_KEY_DURATION, PLEXUS_KEY_BYTES}, status))
            *value = found->integer;
        return status;
    };
    out.get_boolean = [](void* self, const char* key, std::uint32_t* value) {
        std::int32_t status = 0;
        if (const auto* found = lookup::of(self, key, {PLEXUS_KEY_BOOLEAN}, status))
            *value = found->boolean ? 1 : 0;
        return status;
    };
    out.get_list = [](void* self, const char* key, const plexus_view** values, std::uint32_t* count) {
        std::int32_t status = 0;
        if (const auto* found = lookup::of(self, key, {PLEXUS_KEY_TEXT_LIST}, status)) {
            *values = found->views.data();
            *count = static_cast<std::uint32_t>(found->views.size());
        }
        return status;
    };
    return out;
}

} // namespace plexus::kernel
