#include "errand.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace plexus::ui_terminal {
namespace {

namespace json = boost::json;

std::string number_text(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value == nullptr ? "" : json::serialize(*value);
}

std::string item_name(const json::object& in_chat) {
    return "item " + number_text(object_in(object_in(in_chat, "chatItem"), "meta"), "itemId");
}

enum class outcome { waiting, good, bad };
outcome item_outcome(const json::object& in_chat) {
    const auto status =
        text_in(object_in(object_in(object_in(in_chat, "chatItem"), "meta"), "itemStatus"), "type");
    if (status == "sndSent" || status == "sndRcvd") return outcome::good;
    return status.starts_with("sndError") ? outcome::bad : outcome::waiting;
}

} // namespace

std::shared_ptr<errand> errand::run(loop_ref loop, chat_ref chat, request what) {
    auto made = std::make_shared<errand>(loop, chat, std::move(what));
    made->events_.emplace(chat, [self = made.get()](const json::object& event) { self->observe(event); });
    chat.command(made->what_.command, [weak = std::weak_ptr(made)](const result<json::object>& answer) {
        if (const auto self = weak.lock()) self->answered(answer);
    });
    return made;
}

errand::errand(loop_ref loop, chat_ref chat, request what)
    : loop_(loop), chat_(chat), what_(std::move(what)) {}

void errand::abandon() {
    over_ = true;
    clock_.reset();
    events_.reset();
}

void errand::finish(int exit_code) {
    if (over_) return;
    const auto self = shared_from_this();
    over_ = true;
    clock_.reset();
    // The subscription may be what called this: it goes from the loop.
    loop_.post(0, [self] { self->events_.reset(); });
    what_.finished(exit_code);
}

void errand::expect(const json::object& answer) {
    const auto type = text_in(answer, "type");
    if (type == "newChatItems") {
        for (const auto& one : array_in(answer, "chatItems"))
            if (one.is_object() && item_outcome(one.get_object()) == outcome::waiting)
                awaited_.insert(item_name(one.get_object()));
    } else if (type == "sentConfirmation") {
        link_ = number_text(object_in(answer, "connection"), "pccConnId");
        awaited_.insert("joined " + link_);
    } else if (type == "invitation") {
        link_ = number_text(object_in(answer, "connection"), "pccConnId");
    } else if (type == "contactDeleted") {
        const auto connection = text_in(object_in(object_in(answer, "contact"), "activeConn"), "agentConnId");
        if (!connection.empty()) awaited_.insert("deleted " + connection);
    }
    for (const auto& one : arrived_) awaited_.erase(one);
}

void errand::answered(const result<json::object>& answer) {
    if (over_) return;
    answered_ = true;
    if (!answer) {
        what_.print(what_.view.colours.bad(answer.error().message()) + "\n");
        finish(1);
        return;
    }
    what_.print(show_answer(*answer, what_.view));
    if (!error_text(*answer).empty()) {
        finish(1);
        return;
    }
    expect(*answer);
    if (!awaited_.empty() && link_.empty()) what_.linger = {}; // the server's OK is the end
    if (!awaited_.empty()) {
        clock_.emplace(loop_, [this] {
            if (lingering_) {
                finish(failed_ ? 1 : 0);
                return;
            }
            what_.print(what_.view.colours.bad(
                            "no answer of the server in time; it is kept and sent when plexus runs "
                            "the next time") +
                        "\n");
            finish(2);
        });
        clock_->arm(what_.patience);
    }
    check();
}

void errand::observe(const json::object& event) {
    if (over_) return;
    const auto type = text_in(event, "type");
    if (type == "chatItemsStatusesUpdated") {
        for (const auto& one : array_in(event, "chatItems")) {
            if (!one.is_object()) continue;
            const auto state = item_outcome(one.get_object());
            if (state == outcome::waiting) continue;
            const auto name = item_name(one.get_object());
            if (state == outcome::bad && (awaited_.contains(name) || !answered_)) {
                failed_ = true;
                what_.print(show_event(event, what_.view));
            }
            arrived_.insert(name);
        }
    } else if (type == "confirmationSent") {
        arrived_.insert("joined " + number_text(object_in(event, "connection"), "pccConnId"));
    } else if (type == "contactConnecting" || type == "contactConnected") {
        arrived_.insert("joined " +
                        number_text(object_in(object_in(event, "contact"), "activeConn"), "connId"));
    } else if (type == "agentConnsDeleted") {
        for (const auto& one : array_in(event, "agentConnIds"))
            if (one.is_string())
                arrived_.insert("deleted " + std::string(std::string_view(one.get_string())));
    } else if (type == "chatError" && answered_ && !awaited_.empty()) {
        failed_ = true;
        what_.print(show_event(event, what_.view));
        awaited_.clear();
    }
    for (const auto& one : arrived_) awaited_.erase(one);
    const bool connected =
        type == "contactConnected" && !link_.empty() &&
        number_text(object_in(object_in(event, "contact"), "activeConn"), "connId") == link_;
    if (connected && lingering_) {
        what_.print(show_event(event, what_.view));
        finish(0);
        return;
    }
    if (connected) what_.linger = {};
    if (lingering_) what_.print(show_event(event, what_.view));
    check();
}

void errand::check() {
    if (over_ || !answered_ || !awaited_.empty() || lingering_) return;
    if (what_.linger.count() == 0) {
        finish(failed_ ? 1 : 0);
        return;
    }
    lingering_ = true;
    if (!clock_) clock_.emplace(loop_, [this] { finish(failed_ ? 1 : 0); });
    clock_->arm(what_.linger);
}

} // namespace plexus::ui_terminal
