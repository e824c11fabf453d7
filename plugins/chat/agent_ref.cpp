#include "agent_ref.hpp"

namespace plexus::chat_plugin {
namespace {

template <typename T, typename Start>
agent_call<T, Start> call_agent(Start start) {
    return agent_call<T, Start>(std::move(start));
}

/// A plain completion; result<void> travels as a result of nothing.
struct nothing {};
void settle_nothing(void* context, std::int32_t code, const plexus_error* failure) {
    if (code == PLEXUS_OK)
        agent_wait<nothing>::settle(context, nothing{});
    else
        agent_wait<nothing>::settle(context, from_abi(code, failure));
}
void settle_number(void* context, std::int32_t code, const plexus_error* failure, std::uint64_t number) {
    if (code == PLEXUS_OK)
        agent_wait<std::uint64_t>::settle(context, number);
    else
        agent_wait<std::uint64_t>::settle(context, from_abi(code, failure));
}
result<void> without_value(const result<nothing>& outcome) {
    if (!outcome) return outcome.error();
    return {};
}

} // namespace

task<result<created_link>> agent_ref::create(bytes user_data) const {
    auto start = [this, &user_data](void* context) {
        plexus_agent_create_options options{};
        options.size = sizeof options;
        options.flags = 1;
        options.user_data = to_abi(bytes_view(user_data));
        const auto done = [](void* waiting, std::int32_t code, const plexus_error* failure,
                             const plexus_agent_link* link) {
            if (code != PLEXUS_OK) {
                agent_wait<created_link>::settle(waiting, from_abi(code, failure));
                return;
            }
            created_link out{link->connection, std::string(text_of(link->full)),
                             std::string(text_of(link->short_))};
            agent_wait<created_link>::settle(waiting, std::move(out));
        };
        return table_->create(self(), &options, done, context);
    };
    auto pending = call_agent<created_link>(start);
    co_return co_await pending;
}

task<result<std::uint64_t>> agent_ref::join(std::string link, bytes info) const {
    auto start = [this, &link, &info](void* context) {
        return table_->join(self(), to_abi(std::string_view(link)), to_abi(bytes_view(info)), settle_number,
                            context);
    };
    auto pending = call_agent<std::uint64_t>(start);
    co_return co_await pending;
}

task<result<void>> agent_ref::allow(std::uint64_t connection, std::uint64_t confirmation, bytes info) const {
    auto start = [this, connection, confirmation, &info](void* context) {
        const plexus_completion done{settle_nothing, context};
        return table_->allow(self(), connection, confirmation, to_abi(bytes_view(info)), done);
    };
    auto pending = call_agent<nothing>(start);
    const auto outcome = co_await pending;
    co_return without_value(outcome);
}

task<result<std::uint64_t>> agent_ref::send(std::uint64_t connection, std::uint64_t tag, bool notify,
                                            bytes body) const {
    auto start = [this, connection, tag, notify, &body](void* context) {
        return table_->send(self(), connection, tag, notify ? 1 : 0, to_abi(bytes_view(body)), settle_number,
                            context);
    };
    auto pending = call_agent<std::uint64_t>(start);
    co_return co_await pending;
}

task<result<void>> agent_ref::acknowledge(std::uint64_t sequence) const {
    auto start = [this, sequence](void* context) {
        const plexus_completion done{settle_nothing, context};
        return table_->acknowledge(self(), sequence, done);
    };
    auto pending = call_agent<nothing>(start);
    const auto outcome = co_await pending;
    co_return without_value(outcome);
}

task<result<void>> agent_ref::remove(std::uint64_t connection, bool wait_sent) const {
    auto start = [this, connection, wait_sent](void* context) {
        const plexus_completion done{settle_nothing, context};
        return table_->remove(self(), connection, wait_sent ? 1 : 0, done);
    };
    auto pending = call_agent<nothing>(start);
    const auto outcome = co_await pending;
    co_return without_value(outcome);
}

task<result<std::string>> agent_ref::security_code(std::uint64_t connection) const {
    auto start = [this, connection](void* context) {
        const auto done = [](void* waiting, std::int32_t code, const plexus_error* failure,
                             plexus_view value) {
            if (code == PLEXUS_OK)
                agent_wait<std::string>::settle(waiting, std::string(text_of(value)));
            else
                agent_wait<std::string>::settle(waiting, from_abi(code, failure));
        };
        return table_->security_code(self(), connection, plexus_view_completion{done, context});
    };
    auto pending = call_agent<std::string>(start);
    co_return co_await pending;
}

result<secret_array<32>> agent_ref::derive_key(std::string_view label) const {
    secret_array<32> key;
    const auto code = table_->derive_key(self(), to_abi(label), plexus_span{key.data(), key.size()});
    if (code != PLEXUS_OK) return from_abi(code, nullptr);
    return key;
}

} // namespace plexus::chat_plugin
