// Services as clients of the running server: messages of many queues, notifications of many notifiers, on
// connections with a certificate.
#include "running_server.hpp"

#include <map>

namespace plexus::smp_server::test {
namespace {

using bench::peer_service;

/// A client, and how many events of each name it has seen.
class watcher {
  public:
    template <typename... Arguments>
    explicit watcher(Arguments&&... arguments) : peer(std::forward<Arguments>(arguments)...) {}

    /// SUBS or NSUBS; what was refused is in `refusal`.
    smp::service_queues ask(const smp::command& command) {
        smp::service_queues out;
        refusal.clear();
        peer.send(command, peer.session().service_id(), nullptr);
        take([&](const smp::client_event& event) {
            if (event.what != smp::client_event::kind::response) return false;
            if (const auto* soks = std::get_if<msg::soks>(&event.content))
                out = soks->queues;
            else if (const auto* failed = std::get_if<msg::err>(&event.content))
                refusal = smp::to_text(failed->error);
            else
                refusal = smp::name(event.content);
            return true;
        });
        return out;
    }
    /// The name of an answer.
    std::string tell(const smp::command& command, bytes_view entity, const crypto::private_key* key) {
        std::string out;
        peer.send(command, entity, key);
        take([&](const smp::client_event& event) {
            if (event.what != smp::client_event::kind::response) return false;
            const auto* failed = std::get_if<msg::err>(&event.content);
            out = failed != nullptr ? "ERR " + smp::to_text(failed->error)
                                    : std::string(smp::name(event.content));
            return true;
        });
        return out;
    }
    /// Waits until so many events of that name have come in all.
    void wait(const std::string& name, std::size_t count = 1) {
        if (seen[name] < count) take([&](const smp::client_event&) { return seen[name] >= count; });
    }

    smp_peer peer;
    std::string refusal;
    std::map<std::string, std::size_t> seen;
    smp::service_queues ended;

  private:
    template <typename Take>
    void take(Take enough) {
        peer.receive([&](const smp::client_event& event) {
            if (event.what != smp::client_event::kind::response)
                ++seen[std::string(smp::name(event.content))];
            if (const auto* ends = std::get_if<msg::ends>(&event.content)) ended = ends->queues;
            return enough(event);
        });
    }
};

struct notifier_keys {
    crypto::private_key key;
    bytes id;
};

notifier_keys make_notifier(smp_peer& recipient, const bench::bench_queue& queue,
                            crypto::random_source& random) {
    notifier_keys out{crypto::private_key::generate(crypto::key_type::ed25519, random), {}};
    const auto dh_key = crypto::private_key::generate(crypto::key_type::x25519, random);
    recipient.send(cmd::nkey{{out.key.public_part(), dh_key.public_part()}}, queue.recipient_id,
                   &queue.recipient_key);
    recipient.receive([&](const smp::client_event& event) {
        if (const auto* nid = std::get_if<msg::nid>(&event.content)) out.id = to_bytes(nid->notifier_id);
        return event.what == smp::client_event::kind::response;
    });
    return out;
}

class service_test : public testing::TestWithParam<std::pair<crypto::key_type, int>> {};

INSTANTIATE_TEST_SUITE_P(certificates, service_test,
                         testing::Values(std::pair(crypto::key_type::ed25519, 1),
                                         std::pair(crypto::key_type::ed448, 2),
                                         std::pair(crypto::key_type::ed25519, 4)));

TEST_P(service_test, receives_for_all_its_queues) {
    folder where;
    running_server server(where.path() / "server", "", "store-memory");
    bench::system_random random;
    const auto service =
        bench::make_service(smp::service_role::messaging, GetParam().first, GetParam().second);
    smp::service_queues expected;
    std::vector<bench::bench_queue> queues;
    smp_peer sender(server.address(), random);
    {
        smp_peer first(server.address(), random, service);
        EXPECT_EQ(first.session().agreed_version(), smp::supported_versions.max);
        EXPECT_EQ(first.session().service_id().size(), smp::id_size);
        for (int i = 0; i < 60; ++i) { // on both shards, more than is given in one turn
            queues.push_back(bench::make_queue(first, sender, random, crypto::key_type::ed25519));
            expected.add(queues.back().recipient_id);
        }
        sender.expect_ok(cmd::send{{}, as_bytes("now")}, queues[0].sender_id, &queues[0].sender_key);
        bytes id;
        EXPECT_EQ(next_event(first, queues[0], &id), "now");
        first.expect_ok(cmd::ack{id}, queues[0].recipient_id, &queues[0].recipient_key);
    }
    const bytes body(sender.session().max_body(), 'm');
    for (const auto& each : queues) sender.expect_ok(cmd::send{{}, body}, each.sender_id, &each.sender_key);

    watcher second(server.address(), random, service);
    EXPECT_EQ(second.ask(cmd::subs{expected}), expected) << second.refusal;
    second.wait("ALLS");
    EXPECT_EQ(second.seen["MSG"], queues.size()) << "every queue's message came before";
    EXPECT_EQ(second.ask(cmd::subs{expected}), expected);

    // Another connection of it takes them over; then a client that is no service takes one.
    watcher third(server.address(), random, service);
    EXPECT_EQ(third.ask(cmd::subs{expected}), expected);
    second.wait("ENDS");
    EXPECT_EQ(second.ended, expected);
    third.wait("ALLS");
    EXPECT_EQ(third.seen["MSG"], queues.size()) << "nothing was acknowledged";
    smp_peer client(server.address(), random);
    client.expect_ok(cmd::sub{}, queues[1].recipient_id, &queues[1].recipient_key);
    third.wait("END");
    expected.remove(queues[1].recipient_id);
    EXPECT_EQ(third.tell(cmd::del{}, queues[2].recipient_id, &queues[2].recipient_key), "OK");
    expected.remove(queues[2].recipient_id);
    EXPECT_EQ(third.ask(cmd::subs{expected}), expected);
    EXPECT_EQ(second.seen["MSG"], queues.size()) << "it got nothing more";
}

TEST_P(service_test, is_notified_for_all_its_notifiers) {
    folder where;
    running_server server(where.path() / "server", "", "store-memory");
    bench::system_random random;
    const auto service =
        bench::make_service(smp::service_role::notifier, GetParam().first, GetParam().second);
    smp_peer recipient(server.address(), random);
    smp_peer sender(server.address(), random);
    smp::service_queues expected;
    std::vector<bench::bench_queue> queues;
    {
        watcher first(server.address(), random, service);
        for (int i = 0; i < 20; ++i) {
            queues.push_back(bench::make_queue(recipient, sender, random, crypto::key_type::x25519));
            const auto notifier = make_notifier(recipient, queues.back(), random);
            EXPECT_EQ(first.tell(cmd::nsub{}, notifier.id, &notifier.key), "SOK");
            expected.add(notifier.id);
        }
        sender.expect_ok(cmd::send{{true}, as_bytes("loud")}, queues[0].sender_id, &queues[0].sender_key);
        first.wait("NMSG");
    }
    for (const auto& each : queues)
        sender.expect_ok(cmd::send{{true}, as_bytes("loud")}, each.sender_id, &each.sender_key);
    watcher second(server.address(), random, service, smp::version_range{6, 18});
    EXPECT_EQ(second.ask(cmd::nsubs{}).count, expected.count) << "before version 19 without a hash";
    watcher third(server.address(), random, service);
    EXPECT_EQ(third.ask(cmd::nsubs{expected}), expected);
    second.wait("ENDS");
    for (const auto& each : queues)
        sender.expect_ok(cmd::send{{true}, as_bytes("again")}, each.sender_id, &each.sender_key);
    third.wait("NMSG", queues.size());
}

TEST(service, has_its_queues_after_a_restart_of_the_server) {
    folder where;
    bench::system_random random;
    const auto service = bench::make_service(smp::service_role::messaging);
    smp::service_queues expected;
    std::vector<bench::bench_queue> queues;
    bytes id;
    {
        running_server server(where.path() / "server");
        smp_peer first(server.address(), random, service);
        smp_peer sender(server.address(), random);
        id = to_bytes(first.session().service_id());
        for (int i = 0; i < 10; ++i) {
            queues.push_back(bench::make_queue(first, sender, random, crypto::key_type::ed25519));
            expected.add(queues.back().recipient_id);
        }
        for (const auto& each : queues)
            sender.expect_ok(cmd::send{{}, as_bytes("waits")}, each.sender_id, &each.sender_key);
        first.send(cmd::del{}, queues[0].recipient_id, &queues[0].recipient_key);
        EXPECT_EQ(answer_of(first), "OK");
        expected.remove(queues[0].recipient_id);
    }
    running_server server(where.path() / "server");
    watcher again(server.address(), random, service);
    EXPECT_EQ(to_bytes(again.peer.session().service_id()), id);
    EXPECT_EQ(again.ask(cmd::subs{expected}), expected);
    again.wait("ALLS");
    EXPECT_EQ(again.seen["MSG"], queues.size() - 1);
}

TEST(service, may_do_what_its_role_allows) {
    folder where;
    running_server server(where.path() / "server", "", "store-memory");
    bench::system_random random;
    smp_peer client(server.address(), random);
    smp_peer sender(server.address(), random);
    const auto queue = bench::make_queue(client, sender, random, crypto::key_type::ed25519);
    const auto notifier = make_notifier(client, queue, random);
    EXPECT_THROW(client.send(cmd::subs{}, {}, nullptr), std::runtime_error) << "it is no service";

    const auto for_messages = bench::make_service(smp::service_role::messaging);
    const auto for_notifications = bench::make_service(smp::service_role::notifier);
    watcher messages(server.address(), random, for_messages);
    watcher notifications(server.address(), random, for_notifications);
    messages.ask(cmd::nsubs{});
    EXPECT_EQ(messages.refusal, "CMD PROHIBITED");
    notifications.ask(cmd::subs{});
    EXPECT_EQ(notifications.refusal, "CMD PROHIBITED");
    EXPECT_EQ(messages.tell(cmd::nsub{}, notifier.id, &notifier.key), "ERR CMD PROHIBITED");
    EXPECT_EQ(notifications.tell(cmd::sub{}, queue.recipient_id, &queue.recipient_key), "ERR CMD PROHIBITED");
    EXPECT_EQ(messages.tell(cmd::ping{}, {}, nullptr), "PONG");
    EXPECT_EQ(notifications.tell(cmd::ping{}, {}, nullptr), "PONG");

    // Another service's id, and a stranger's key.
    EXPECT_EQ(messages.tell(cmd::subs{}, notifications.peer.session().service_id(), nullptr), "ERR SERVICE");
    const auto stranger = crypto::private_key::generate(crypto::key_type::ed25519, random);
    EXPECT_EQ(messages.tell(cmd::sub{}, queue.recipient_id, &stranger), "ERR AUTH");
    EXPECT_EQ(messages.ask(cmd::subs{}), smp::service_queues());
    messages.wait("ALLS");
    EXPECT_EQ(messages.seen["MSG"], 0U);
}

TEST(service, that_cannot_prove_its_certificate_is_refused) {
    folder where;
    running_server server(where.path() / "server", "", "store-memory");
    bench::system_random random;
    const auto service = bench::make_service(smp::service_role::messaging);
    const auto other = bench::make_service(smp::service_role::messaging);
    const auto refusal = [&](const peer_service& shown) {
        try {
            smp_peer peer(server.address(), random, shown);
            return std::string("admitted");
        } catch (const std::runtime_error& failed) {
            return std::string(failed.what());
        }
    };
    peer_service mixed{bench::make_tls_context(false, bench::key_group::x25519), service.credentials};
    EXPECT_EQ(refusal(mixed), "the server refuses the service: PROXY BROKER TRANSPORT HANDSHAKE BAD_AUTH")
        << "no certificate in TLS";
    auto wrong = std::make_shared<smp::client_service>(*service.credentials);
    wrong->key = crypto::private_key::generate(crypto::key_type::ed25519, random);
    mixed = bench::make_service(smp::service_role::messaging);
    wrong->chain = mixed.credentials->chain;
    mixed.credentials = wrong;
    EXPECT_EQ(refusal(mixed), "the server refuses the service: PROXY BROKER TRANSPORT HANDSHAKE BAD_AUTH")
        << "a session key that another key signed";

    // One certificate, one role: after its first queue the other is refused.
    {
        smp_peer peer(server.address(), random, service);
        smp_peer sender(server.address(), random);
        bench::make_queue(peer, sender, random, crypto::key_type::ed25519);
    }
    auto changed = std::make_shared<smp::client_service>(*service.credentials);
    changed->role = smp::service_role::notifier;
    mixed = bench::make_service(smp::service_role::messaging);
    SSL_CTX_up_ref(service.tls.get());
    mixed.tls.reset(service.tls.get());
    mixed.credentials = changed;
    EXPECT_EQ(refusal(mixed), "the server refuses the service: PROXY BROKER TRANSPORT HANDSHAKE BAD_SERVICE");
    EXPECT_EQ(refusal(other), "admitted");
}

} // namespace
} // namespace plexus::smp_server::test
