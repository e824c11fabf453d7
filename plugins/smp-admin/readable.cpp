#include "readable.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <vector>

namespace plexus::smp_admin {
namespace {

namespace json = boost::json;

std::string cell(const json::value& value) {
    if (value.is_string()) return std::string(value.get_string());
    if (value.is_bool()) return value.get_bool() ? "yes" : "no";
    return json::serialize(value);
}

std::string table(const json::array& rows) {
    std::vector<std::vector<std::string>> lines(1);
    for (const auto& [name, value] : rows.front().get_object()) lines.front().emplace_back(name);
    for (const auto& row : rows) {
        auto& line = lines.emplace_back();
        for (const auto& name : lines.front()) {
            const auto* value = row.is_object() ? row.get_object().if_contains(name) : nullptr;
            line.push_back(value == nullptr ? "" : cell(*value));
        }
    }
    std::string out;
    for (const auto& line : lines) {
        for (std::size_t i = 0; i < line.size(); ++i) {
            std::size_t width = 0;
            for (const auto& each : lines) width = std::max(width, each[i].size());
            out += line[i];
            if (i + 1 < line.size()) out += std::string(width - line[i].size() + 2, ' ');
        }
        out += '\n';
    }
    return out;
}

} // namespace

std::string readable(const json::object& answer) {
    std::size_t width = 0;
    for (const auto& [name, value] : answer) width = std::max(width, name.size());
    std::string out;
    for (const auto& [name, value] : answer) {
        if (value.is_array() && !value.get_array().empty() && value.get_array().front().is_object())
            out += table(value.get_array());
        else if (value.is_string() && value.get_string().find('\n') != json::string::npos)
            out += std::string(value.get_string());
        else if (!value.is_array())
            out += std::string(name) + std::string(width - name.size() + 2, ' ') + cell(value) + '\n';
    }
    return out;
}

} // namespace plexus::smp_admin
