#include "chat_ref.hpp"

#include <boost/json/parse.hpp>

namespace plexus::ui_terminal {
namespace {

namespace json = boost::json;

result<json::object> parse_object(std::string_view text) {
    json::error_code failure;
    auto value = json::parse(text, failure);
    if (failure || !value.is_object())
        return make_error(status::internal, "the chat service answered no JSON object");
    return std::move(value.get_object());
}

} // namespace

void chat_ref::command(std::string_view text, answered done) const {
    auto kept = std::make_unique<answered>(std::move(done));
    const plexus_view_completion completion{
        [](void* context, std::int32_t code, const plexus_error* failure, plexus_view value) {
            const std::unique_ptr<answered> mine(static_cast<answered*>(context));
            if (code == PLEXUS_OK)
                (*mine)(parse_object(text_of(value)));
            else
                (*mine)(from_abi(code, failure));
        },
        kept.get()};
    const auto code = table_->command(table_->service.self, to_abi(text), completion);
    if (code == PLEXUS_OK)
        (void)kept.release();
    else
        (*kept)(from_abi(code, nullptr));
}

chat_ref::subscription::subscription(chat_ref chat, std::function<void(const json::object&)> event)
    : table_(chat.table_), event_(std::move(event)) {
    const auto receive = [](void* context, plexus_view text) {
        auto& self = *static_cast<subscription*>(context);
        const auto parsed = parse_object(text_of(text));
        if (parsed) self.event_(*parsed);
    };
    if (table_->subscribe(table_->service.self, receive, this, &receiver_) != PLEXUS_OK)
        throw std::bad_alloc();
}
chat_ref::subscription::~subscription() { table_->unsubscribe(table_->service.self, receiver_); }

} // namespace plexus::ui_terminal
