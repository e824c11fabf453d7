// Golden vectors: data files made by running the official programs (tests/vectors/README.md).
#pragma once

#include "plexus/bytes.hpp"

#include <boost/json/value.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace plexus::test {

/// The vectors of `file` (for example "encoding.json") whose kind is `kind`. They come from the folder named
/// by the environment's PLEXUS_VECTORS, or from tests/vectors. Throws if the file or the kind is not there,
/// so that a test cannot pass on nothing.
std::vector<boost::json::object> vectors(std::string_view file, std::string_view kind);

bytes unhex(std::string_view hex);
std::string hex(bytes_view data);

/// Members of a vector.
bytes hex_field(const boost::json::object& vector, std::string_view name);
std::string text_field(const boost::json::object& vector, std::string_view name);
std::int64_t int_field(const boost::json::object& vector, std::string_view name);
/// True if the member is absent or null.
bool is_null(const boost::json::object& vector, std::string_view name);

} // namespace plexus::test
