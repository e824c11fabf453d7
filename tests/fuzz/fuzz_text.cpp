// Text forms: base64, hosts, times, numbers, version ranges and query strings. A value's normal form reads
// back as that value.
#include "plexus/encoding/base64.hpp"
#include "plexus/encoding/text.hpp"
#include "plexus/encoding/version.hpp"

#include <cstdlib>

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace plexus;
    using namespace plexus::encoding;
    const auto text = as_text({data, size});
    if (const auto value = base64url_decode(text))
        require(base64url_decode(base64url_encode(*value)) == value);
    if (const auto value = base64_decode(text)) require(base64_encode(*value) == text);
    auto rest = text;
    if (take_base64url(rest)) require(rest.size() < text.size());
    if (const auto host = parse_host(text)) {
        const auto again = parse_host(host->name);
        require(again.has_value() && again->name == host->name);
    }
    if (const auto hosts = parse_hosts(text)) require(parse_hosts(to_text(*hosts)).has_value());
    if (const auto time = parse_time(text)) require(parse_time(to_text(*time)) == time);
    if (const auto number = parse_signed(text)) require(parse_signed(std::to_string(*number)) == number);
    if (const auto range = parse_version_range(text)) require(parse_version_range(to_text(*range)) == range);
    require(percent_decode(percent_encode(text)) == text);
    query_string::parse(text).find("v");
    is_utf8(text);
    return 0;
}
