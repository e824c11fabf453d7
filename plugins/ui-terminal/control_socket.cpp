#include "control_socket.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace plexus::ui_terminal {
namespace {

namespace json = boost::json;

constexpr net::line_service::limits most{.question = 64U * 1024};

using caller_ptr = std::shared_ptr<net::line_service::caller>;

errand::request request_of(const json::object& asked, const caller_ptr& from) {
    const auto milliseconds = [&asked](std::string_view name) {
        const auto* given = asked.if_contains(name);
        const auto count = given != nullptr && given->is_int64() ? given->get_int64() : 0;
        return std::chrono::milliseconds(std::clamp<std::int64_t>(count, 0, 86'400'000));
    };
    const auto* coloured = asked.if_contains("colours");
    errand::request out;
    out.command = text_in(asked, "command");
    out.patience = milliseconds("patience");
    out.linger = milliseconds("linger");
    out.view.colours = style(coloured != nullptr && coloured->is_bool() && coloured->get_bool());
    out.view.qr_codes = out.view.colours.coloured();
    out.print = [from](std::string_view lines) {
        if (!lines.empty()) from->say(json::serialize(json::object{{"print", lines}}));
    };
    out.finished = [from](int exit_code) {
        from->say(json::serialize(json::object{{"exit", exit_code}}));
        from->finish();
    };
    return out;
}

} // namespace

std::unique_ptr<net::line_service> make_control_socket(loop_ref loop, chat_ref chat) {
    auto take = [loop, chat](std::string_view line, const caller_ptr& from) {
        json::error_code failure;
        const auto value = json::parse(line, failure);
        if (failure || !value.is_object()) return from->finish();
        const auto work = errand::run(loop, chat, request_of(value.get_object(), from));
        from->when_gone([work] { work->abandon(); });
    };
    return std::make_unique<net::line_service>(loop, most, std::move(take));
}

} // namespace plexus::ui_terminal
