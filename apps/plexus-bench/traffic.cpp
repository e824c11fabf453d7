#include "traffic.hpp"

#include "plexus/encoding/writer.hpp"
#include "plexus/smp/message_body.hpp"

namespace plexus::bench {
namespace {

// The token of a command says which it is, and of which queue.
constexpr std::uint64_t send_token = std::uint64_t{1} << 32;
constexpr std::uint64_t ack_token = std::uint64_t{2} << 32;
constexpr std::uint64_t token_kinds = std::uint64_t{3} << 32;

} // namespace

std::size_t traffic::hash_id::operator()(const entity_id& id) const noexcept {
    // Ids are random.
    std::size_t out = 0;
    std::memcpy(&out, id.view().data(), std::min(sizeof out, id.view().size()));
    return out;
}

traffic::traffic(load& on, traffic_options options) : load_(on), options_(options) {}

void traffic::prepare() {
    const auto version = load_.at(0).version();
    const auto most = smp::max_message_length(version);
    body_size_ = options_.body_size == 0 ? most : std::min(options_.body_size, most);
    const bytes body(body_size_, 'm');
    encoding::writer out(command_);
    smp::write(out, smp::cmd::send{{}, body}, version);
    lanes_.resize(load_.queues().size());
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        load_.shown().show("signing", i, lanes_.size());
        prepare(i);
    }
}

void traffic::prepare(std::size_t number) {
    const auto& queue = load_.queues()[number];
    auto& own = lanes_[number];
    const bool waits = own.waits;
    own = {};
    own.waits = waits;
    own.sent_times.resize(options_.window);
    auto& sender = load_.at(queue.sender_connection);
    for (std::uint32_t i = 0; i < options_.window; ++i)
        own.ready.push_back(sender.prepare(send_token | number, command_, queue.sender_id, queue.sender));
    by_recipient_[queue.recipient_id] = number;
}

void traffic::renew(std::size_t number) {
    std::erase_if(by_recipient_, [number](const auto& entry) { return entry.second == number; });
    prepare(number);
    fill(number);
}

result<void> traffic::run(const std::function<bool()>& enough, const load::receive_handler& other) {
    sending_ = true;
    begun_ = clock::now();
    sent_ = 0;
    for (std::size_t i = 0; i < lanes_.size(); ++i) fill(i);
    const auto take_all = [&](connection& on, incoming& what) {
        if (take(on, what)) return;
        if (other)
            other(on, what);
        else
            load_.fail(failed("the server sends " + std::string(smp::name(what.content)) + " unasked"));
    };
    return load_.run(take_all, [&] {
        if (sending_ && enough()) sending_ = false;
        send_waiting();
        return !sending_ && under_way_ == 0;
    });
}

void traffic::fill(std::size_t number) {
    auto& own = lanes_[number];
    if (own.under_way == options_.window || !sending_ || own.held) return;
    const auto& queue = load_.queues()[number];
    auto& sender = load_.at(queue.sender_connection);
    for (; own.under_way < options_.window; ++own.under_way, ++own.sent, ++under_way_, ++sent_) {
        if (!may_send()) {
            if (!std::exchange(own.waits, true)) waiting_.push_back(number);
            return;
        }
        const auto place = own.sent % options_.window;
        own.sent_times[place] = clock::now();
        sender.send(own.ready[place], command_, queue.sender_id);
    }
}

bool traffic::may_send() {
    if (options_.rate == 0) return true;
    const double seconds = std::chrono::duration<double>(clock::now() - begun_).count();
    return static_cast<double>(sent_) < seconds * options_.rate;
}

void traffic::send_waiting() {
    while (!waiting_.empty() && may_send()) {
        const auto number = waiting_.front();
        waiting_.pop_front();
        lanes_[number].waits = false;
        fill(number);
    }
}

/// A place in the window is free when both sides have their answers.
void traffic::settle(std::size_t number) {
    auto& own = lanes_[number];
    const auto left = own.sent - std::min(own.accepted, own.acknowledged);
    under_way_ -= own.under_way - left;
    own.under_way = left;
    fill(number);
}

bool traffic::take(connection& on, incoming& what) {
    const auto* message = std::get_if<smp::msg::message>(&what.content);
    if (!what.token) {
        const auto found =
            message == nullptr ? by_recipient_.end() : by_recipient_.find(entity_id(what.entity));
        if (found == by_recipient_.end()) return false;
        take_message(on, found->second, *message);
        return true;
    }
    const auto kind = *what.token & token_kinds;
    const auto number = static_cast<std::size_t>(*what.token & ~token_kinds);
    if (kind == 0 || number >= lanes_.size()) return false;
    auto& own = lanes_[number];
    if (kind == send_token) {
        if (const auto refused = load::refusal("SEND", what.content)) {
            load_.fail(*refused);
            return true;
        }
        ++own.accepted;
        ++accepted_;
    } else {
        if (message == nullptr)
            if (const auto refused = load::refusal("ACK", what.content)) {
                load_.fail(*refused);
                return true;
            }
        ++own.acknowledged;
        if (message != nullptr) take_message(on, number, *message);
    }
    settle(number);
    return true;
}

void traffic::take_message(connection& on, std::size_t number, const smp::msg::message& message) {
    auto& own = lanes_[number];
    const auto& queue = load_.queues()[number];
    const entity_id id(message.message_id);
    if (id == own.last_message || own.received == own.sent) {
        ++doubled_;
        return;
    }
    own.last_message = id;
    latencies_.add(clock::now() - own.sent_times[own.received % options_.window]);
    ++own.received;
    ++delivered_;
    if (delivered_ % options_.open_one_in == 0 && !has_right_body(queue, message))
        return load_.fail(failed("a message arrives with another body than it was sent with"));
    on.send(ack_token | number, smp::cmd::ack{id.view()}, queue.recipient_id, &queue.recipient);
}

bool traffic::has_right_body(const load_queue& queue, const smp::msg::message& message) {
    opened_.assign(message.body.begin(), message.body.end());
    const auto opened = smp::open_message_body(queue.body_key, message.message_id, opened_);
    return opened && !opened->quota && equal(opened->body, bytes_view(command_).last(body_size_));
}

} // namespace plexus::bench
