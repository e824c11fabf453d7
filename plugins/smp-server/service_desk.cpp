#include "service_desk.hpp"

#include "server.hpp"

namespace plexus::smp_server {

namespace msg = smp::msg;

struct service_desk::attaching {
    connection_id connection;
    smp::version version = 0;
    service_ptr who;
    std::uint64_t turn = 0;
    std::uint32_t left = 0;
    std::vector<queue_engine::ended_service> ended;
};

void service_desk::attach(const connection_id& connection, smp::version version, const service_ptr& who) {
    auto one = std::make_shared<attaching>();
    one->connection = connection;
    one->version = version;
    one->who = who;
    const auto home = owner_of(who->id, server_.size());
    server_.send(home, [this, home, one] { attach_everywhere(home, one); });
}

void service_desk::attach_everywhere(std::uint32_t home, const std::shared_ptr<attaching>& one) {
    one->turn = ++turns_[home];
    one->left = server_.size();
    for (std::uint32_t i = 0; i < server_.size(); ++i)
        server_.send(i, [this, i, home, one] {
            const auto ended =
                server_.at(i).engine().attach(*one->who, one->connection, one->version, one->turn);
            server_.send(home, [this, one, ended] {
                if (ended) {
                    auto known = std::find_if(one->ended.begin(), one->ended.end(), [&](const auto& each) {
                        return each.connection == ended->connection;
                    });
                    if (known == one->ended.end())
                        one->ended.push_back(*ended);
                    else
                        known->had.add(ended->had);
                }
                if (--one->left == 0) attached(*one);
            });
        });
}

void service_desk::attached(const attaching& one) {
    for (const auto& each : one.ended)
        server_.send(each.connection.shard, [this, each, id = one.who->id] {
            server_.at(each.connection.shard).end_service(each.connection, each.version, id, each.had);
        });
    const auto& to = one.connection;
    server_.send(to.shard, [this, to] { server_.at(to.shard).service_attached(to); });
}

void service_desk::detach(const connection_id& connection) {
    for (std::uint32_t i = 0; i < server_.size(); ++i)
        server_.send(i, [this, i, connection] { server_.at(i).engine().detach(connection); });
}

struct service_desk::subscribing {
    reply_to from;
    service_ptr who;
    std::uint32_t left = 0;
    smp::service_queues queues;
    std::optional<error> failed;
    std::vector<std::uint32_t> to_give; ///< shards that have not given their messages before
};

void service_desk::subscribe(const reply_to& from, const service_ptr& who) {
    auto one = std::make_shared<subscribing>();
    one->from = from;
    one->who = who;
    one->left = server_.size();
    const auto here = from.connection.shard;
    using subscription = queue_engine::service_subscription;
    for (std::uint32_t i = 0; i < server_.size(); ++i)
        server_.send(i, [this, i, here, one] {
            auto done = [this, i, here, one](const result<subscription>& found) {
                server_.send(here, [this, i, one, found] {
                    if (!found)
                        one->failed = found.error();
                    else
                        one->queues.add(found->queues);
                    if (found && !found->again) one->to_give.push_back(i);
                    if (--one->left == 0) subscribed(one);
                });
            };
            server_.at(i).engine().subscribe_service(one->who, one->from.connection, std::move(done));
        });
}

void service_desk::subscribed(const std::shared_ptr<subscribing>& one) {
    auto& shard = server_.at(one->from.connection.shard);
    if (one->failed) {
        const bool other = one->failed->is(status::denied);
        shard.respond(one->from, msg::err{other ? smp::make_server_error(smp::error_code::service)
                                                : queue_engine::store_error(*one->failed)});
        return;
    }
    auto& statistics = shard.engine().statistics();
    const bool again = one->to_give.empty();
    const auto count = [&](counted messages, counted notifications, std::uint64_t amount) {
        const bool notifier = one->who->record.role == smp::service_role::notifier;
        statistics.add(notifier ? notifications : messages, amount);
    };
    if (again) {
        count(counted::service_subscribed_again, counted::notifier_service_subscribed_again, 1);
    } else {
        count(counted::service_subscribed, counted::notifier_service_subscribed, 1);
        count(counted::service_subscribed_queues, counted::notifier_service_subscribed_queues,
              static_cast<std::uint64_t>(one->queues.count));
    }
    shard.respond(one->from, msg::soks{one->queues});
    if (!again) give(one);
}

/// What waits in its queues, or for its notifiers; then a service of messages is told that this is all.
void service_desk::give(const std::shared_ptr<subscribing>& one) {
    const auto here = one->from.connection.shard;
    one->left = static_cast<std::uint32_t>(one->to_give.size());
    for (const auto i : one->to_give)
        server_.send(i, [this, i, here, one] {
            auto done = [this, here, one] {
                server_.send(here, [this, here, one] {
                    if (--one->left == 0 && one->who->record.role == smp::service_role::messaging)
                        server_.at(here).service_given(one->from.connection);
                });
            };
            auto& engine = server_.at(i).engine();
            if (one->who->record.role == smp::service_role::messaging)
                engine.deliver_service(one->who, one->from.connection, std::move(done));
            else
                engine.notify_service(one->who, one->from.connection, std::move(done));
        });
}

} // namespace plexus::smp_server
