// Lines of an official server's files: whatever is read is written in a form that is read as the same.
#include "migration/ini.hpp"
#include "migration/store_log.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace plexus;
    namespace official = smp_server::official;
    const auto line = as_text(bytes_view(data, size));
    const auto stable = [](const std::string& text, const auto& parse) {
        const auto again = parse(text);
        if (!again) std::abort();
    };
    if (const auto parsed = official::parse_log_line(line)) {
        if (const auto* service = std::get_if<official::service_line>(&*parsed))
            stable(official::encode(*service), official::parse_log_line);
        else if (const auto* made =
                     std::get_if<official::change::create>(&std::get<official::queue_line>(*parsed).what))
            stable(official::encode(made->queue), official::parse_log_line);
    }
    if (const auto parsed = official::parse_message_line(line))
        stable(official::encode(*parsed), official::parse_message_line);
    if (const auto parsed = official::parse_notification_line(line))
        stable(official::encode(*parsed), official::parse_notification_line);
    static_cast<void>(official::parse_journal_line(line));
    static_cast<void>(official::parse_journal_state(line));
    const auto settings = official::settings_of(official::parse_ini(line));
    stable(official::ini_text(settings), [&](const std::string& text) {
        return official::settings_of(official::parse_ini(text)).new_queues == settings.new_queues;
    });
    return 0;
}
