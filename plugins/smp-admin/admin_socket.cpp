#include "admin_socket.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace plexus::smp_admin {
namespace {

namespace json = boost::json;

constexpr std::size_t most_words = 8;

std::optional<std::vector<std::string>> words_of(std::string_view line) {
    json::error_code failure;
    const auto value = json::parse(line, failure);
    if (failure || !value.is_array() || value.get_array().empty() || value.get_array().size() > most_words)
        return std::nullopt;
    std::vector<std::string> out;
    for (const auto& each : value.get_array()) {
        if (!each.is_string()) return std::nullopt;
        out.emplace_back(each.get_string());
    }
    return out;
}

} // namespace

std::unique_ptr<net::line_service>
make_admin_socket(loop_ref loop, std::function<void(std::vector<std::string> words, reply done)> asked) {
    auto take = [asked = std::move(asked)](std::string_view line,
                                           const std::shared_ptr<net::line_service::caller>& from) {
        auto words = words_of(line);
        if (!words) return from->finish();
        asked(std::move(*words), [from](const answer& found) {
            json::object out;
            if (found)
                out["answer"] = *found;
            else
                out["error"] = found.error().message();
            from->say(json::serialize(out));
            from->finish();
        });
    };
    return std::make_unique<net::line_service>(loop, net::line_service::limits{}, std::move(take));
}

} // namespace plexus::smp_admin
