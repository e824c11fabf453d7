#include "schema.hpp"

#include <algorithm>
#include <string>

namespace plexus::chat::schema {
namespace {

result<json::value> normalise_tagged(const shape& type, const json::value& value, const place& where) {
    const auto* object = value.if_object();
    if (object == nullptr) return refuse(where, "is not an object");
    const auto* tag = object->if_contains("type");
    if (tag == nullptr || !tag->is_string()) return refuse(where, "has no type");
    const std::string_view name = tag->get_string();
    const auto choice = std::ranges::find(type.choices, name, &alternative::tag);
    if (choice == type.choices.end()) {
        if (type.keep_unknown) return value;
        return refuse(where, "has the unknown type " + std::string(name.substr(0, 40)));
    }
    auto members = normalise(choice->fields, *object, where);
    if (!members) {
        if (type.keep_invalid) return value;
        return std::move(members).error();
    }
    json::object out;
    out.emplace("type", name);
    for (auto& [key, member] : *members) out.emplace(key, std::move(member));
    return json::value(std::move(out));
}

result<json::value> normalise_list(const shape& type, const json::value& value, const place& where) {
    const auto* array = value.if_array();
    if (array == nullptr) return refuse(where, "is not an array");
    json::array out;
    out.reserve(array->size());
    for (const auto& item : *array) {
        PLEXUS_TRY(auto good, normalise(*type.item, item, where));
        out.push_back(std::move(good));
    }
    return json::value(std::move(out));
}

result<json::value> normalise_map(const shape& type, const json::value& value, const place& where) {
    const auto* object = value.if_object();
    if (object == nullptr) return refuse(where, "is not an object");
    json::object out;
    out.reserve(object->size());
    for (const auto& [key, member] : *object) {
        PLEXUS_TRY(auto good, normalise(*type.item, member, {&where, key}));
        out.emplace(key, std::move(good));
    }
    return json::value(std::move(out));
}

} // namespace

error refuse(const place& where, std::string_view why) {
    std::string path(where.name);
    for (const auto* outer = where.outer; outer != nullptr; outer = outer->outer)
        path = std::string(outer->name) + "." + path;
    return make_error(chat_error::invalid, path + " " + std::string(why));
}

result<json::object> normalise(std::span<const field> fields, const json::object& from, const place& where) {
    json::object out;
    for (const auto& field : fields) {
        const place inner{&where, field.name};
        const auto* member = from.if_contains(field.name);
        if (!field.required && (member == nullptr || member->is_null())) continue;
        if (member == nullptr) return refuse(inner, "is missing");
        PLEXUS_TRY(auto good, normalise(field.type, *member, inner));
        out.emplace(field.name, std::move(good));
    }
    return out;
}

result<json::value> normalise(const shape& type, const json::value& value, const place& where) {
    switch (type.what) {
    case kind::leaf: return type.check(value, where);
    case kind::word: {
        const auto* text = value.if_string();
        if (text == nullptr) return refuse(where, "is not a text");
        if (std::ranges::find(type.words, std::string_view(*text)) == type.words.end())
            return refuse(where,
                          "has the unknown value " + std::string(std::string_view(*text).substr(0, 40)));
        return value;
    }
    case kind::record: {
        const auto* object = value.if_object();
        if (object == nullptr) return refuse(where, "is not an object");
        PLEXUS_TRY(auto members, normalise(type.fields, *object, where));
        return json::value(std::move(members));
    }
    case kind::list: return normalise_list(type, value, where);
    case kind::map: return normalise_map(type, value, where);
    case kind::tagged: return normalise_tagged(type, value, where);
    }
    return refuse(where, "has no shape");
}

} // namespace plexus::chat::schema
