#include "vectors.hpp"

#include <boost/json/parse.hpp>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

namespace plexus::test {
namespace {

std::string folder() {
    const char* named = std::getenv("PLEXUS_VECTORS");
    return named != nullptr && *named != '\0' ? named : PLEXUS_DEFAULT_VECTORS;
}

const boost::json::array& load(const std::string& path) {
    static std::map<std::string, boost::json::value> files;
    auto known = files.find(path);
    if (known == files.end()) {
        std::ifstream in(path, std::ios::binary);
        if (!in) throw std::runtime_error("no vectors at " + path);
        std::ostringstream text;
        text << in.rdbuf();
        known = files.emplace(path, boost::json::parse(text.str())).first;
    }
    return known->second.as_object().at("vectors").as_array();
}

const boost::json::value& member(const boost::json::object& vector, std::string_view name) {
    const auto* value = vector.if_contains(name);
    if (value == nullptr) throw std::runtime_error("a vector without " + std::string(name));
    return *value;
}

} // namespace

std::vector<boost::json::object> vectors(std::string_view file, std::string_view kind) {
    const std::string path = folder() + "/" + std::string(file);
    std::vector<boost::json::object> out;
    for (const auto& value : load(path))
        if (value.as_object().at("kind").as_string() == kind) out.push_back(value.as_object());
    if (out.empty()) throw std::runtime_error("no vector of kind " + std::string(kind) + " in " + path);
    return out;
}

bytes unhex(std::string_view hex) {
    auto digit = [&](char c) -> unsigned {
        if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
        if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
        if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
        throw std::runtime_error("not hexadecimal: " + std::string(hex.substr(0, 40)));
    };
    if (hex.size() % 2 != 0) throw std::runtime_error("odd hexadecimal");
    bytes out;
    out.reserve(hex.size() / 2);
    for (std::size_t i = 0; i < hex.size(); i += 2)
        out.push_back(static_cast<std::uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
    return out;
}

std::string hex(bytes_view data) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(data.size() * 2);
    for (const auto byte : data) {
        out.push_back(digits[byte >> 4]);
        out.push_back(digits[byte & 15]);
    }
    return out;
}

bytes hex_field(const boost::json::object& vector, std::string_view name) {
    return unhex(std::string_view(member(vector, name).as_string()));
}
std::string text_field(const boost::json::object& vector, std::string_view name) {
    return std::string(std::string_view(member(vector, name).as_string()));
}
std::int64_t int_field(const boost::json::object& vector, std::string_view name) {
    return member(vector, name).to_number<std::int64_t>();
}
bool is_null(const boost::json::object& vector, std::string_view name) {
    const auto* value = vector.if_contains(name);
    return value == nullptr || value->is_null();
}

} // namespace plexus::test
