#include "document.hpp"

#include <algorithm>
#include <toml++/toml.h>

namespace plexus::kernel {
namespace {

source_position position_of(const toml::source_region& region) {
    return {static_cast<std::uint32_t>(region.begin.line), static_cast<std::uint32_t>(region.begin.column)};
}

document_value convert(const toml::node& node) {
    document_value out;
    out.where = position_of(node.source());
    if (const auto* text = node.as_string()) {
        out.kind = value_kind::text;
        out.text = text->get();
    } else if (const auto* integer = node.as_integer()) {
        out.kind = value_kind::integer;
        out.integer = integer->get();
    } else if (const auto* boolean = node.as_boolean()) {
        out.kind = value_kind::boolean;
        out.boolean = boolean->get();
    } else if (node.is_floating_point()) {
        out.kind = value_kind::real;
    } else if (const auto* list = node.as_array()) {
        out.kind = value_kind::list;
        for (const toml::node& item : *list) out.items.push_back(convert(item));
    } else if (const auto* table = node.as_table()) {
        out.kind = value_kind::table;
        for (const auto& [key, value] : *table)
            out.entries.push_back({std::string(key.str()), position_of(key.source()), convert(value)});
        std::stable_sort(out.entries.begin(), out.entries.end(),
                         [](const document_entry& a, const document_entry& b) {
                             return a.where.line != b.where.line ? a.where.line < b.where.line
                                                                 : a.where.column < b.where.column;
                         });
    } else {
        out.kind = value_kind::time;
    }
    return out;
}

} // namespace

const document_value* document_value::find(std::string_view key) const {
    for (const document_entry& entry : entries)
        if (entry.key == key) return &entry.value;
    return nullptr;
}

std::string_view kind_name(value_kind kind) {
    switch (kind) {
    case value_kind::text: return "a text";
    case value_kind::integer: return "an integer";
    case value_kind::real: return "a fraction";
    case value_kind::boolean: return "true or false";
    case value_kind::list: return "a list";
    case value_kind::table: return "a table";
    case value_kind::time: return "a date or time";
    }
    return "a value";
}

void problem_list::add(source_position where, std::string what) {
    problems_.push_back({where, std::move(what)});
}

std::string problem_list::render() const {
    std::vector<problem> sorted = problems_;
    std::stable_sort(sorted.begin(), sorted.end(), [](const problem& a, const problem& b) {
        return a.where.line != b.where.line ? a.where.line < b.where.line : a.where.column < b.where.column;
    });
    std::string out;
    for (const problem& one : sorted) {
        if (!out.empty()) out += '\n';
        out += file_;
        if (one.where.line != 0)
            out += ":" + std::to_string(one.where.line) + ":" + std::to_string(one.where.column);
        out += ": " + one.what;
    }
    return out;
}

document_value parse_document(std::string_view text, problem_list& problems) {
    try {
        const toml::table table = toml::parse(text);
        return convert(table);
    } catch (const toml::parse_error& failure) {
        problems.add(position_of(failure.source()), std::string(failure.description()));
        return {};
    }
}

} // namespace plexus::kernel
