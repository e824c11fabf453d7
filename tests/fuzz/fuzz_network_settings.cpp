// Settings of the network: the words of /network, and JSON from the database or a bot. What was taken is
// written and read again as it was.
#include "network_command.hpp"
#include "settings.hpp"

#include "plexus/bytes.hpp"

#include <boost/json/parse.hpp>

#include <cstdlib>

namespace {

void check(const boost::json::object& change, bool managed) {
    plexus::network::settings made;
    if (!plexus::network::apply(made, change, managed)) {
        if (!(made == plexus::network::settings())) std::abort();
        return;
    }
    plexus::network::settings again;
    const bool proxied = managed || made.proxy;
    const auto written = plexus::network::to_json(made, proxied, managed);
    if (!plexus::network::apply(again, written, managed) || !(again == made)) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = plexus::as_text({data, size});
    if (const auto change = plexus::chat_plugin::parse_network_words(text)) check(*change, false);
    boost::json::error_code failure;
    const auto parsed = boost::json::parse(text, failure);
    if (failure || !parsed.is_object()) return 0;
    for (const bool managed : {false, true}) check(parsed.get_object(), managed);
    return 0;
}
