#include "engine_rig.hpp"

namespace plexus::smp_server::test {
namespace {

constexpr smp::key_hash server_fingerprint{9, 9, 9};

/// A service's client on a connection of its own.
class test_service {
  public:
    test_service(rig& world, std::uint64_t client, std::uint8_t certificate,
                 smp::service_role role = smp::service_role::messaging)
        : world_(world), client_(client) {
        smp::service_offer offer;
        offer.role = role;
        offer.fingerprint = {certificate};
        auto take = [this](const result<service_ptr>& found) {
            EXPECT_TRUE(found) << (found ? "" : found.error().message());
            if (found) who = *found;
        };
        world.engines[0]->admit(offer, {bytes{1, 2, 3}}, server_fingerprint, take);
        world.store.run();
        world.services[client] = who;
    }
    /// As the server does before the first command that subscribes. What the connection before had.
    smp::service_queues attach() {
        smp::service_queues ended;
        const connection_id own{static_cast<std::uint32_t>(client_ % world_.engines.size()), client_};
        for (auto& engine : world_.engines)
            if (const auto before = engine->attach(*who, own, world_.version, ++turn)) ended.add(before->had);
        return ended;
    }
    /// SUBS, without what it gives. -1: refused.
    smp::service_queues subscribe() {
        smp::service_queues out;
        again = true;
        const connection_id own{static_cast<std::uint32_t>(client_ % world_.engines.size()), client_};
        for (auto& engine : world_.engines) {
            engine->subscribe_service(who, own, [&](const result<queue_engine::service_subscription>& found) {
                if (found)
                    out.add(found->queues);
                else
                    out.count = -1'000;
                again = again && found && found->again;
            });
            world_.store.run();
        }
        return out;
    }
    /// What waits in its queues, or for its notifiers.
    std::string give(bool notifier = false) {
        const connection_id own{static_cast<std::uint32_t>(client_ % world_.engines.size()), client_};
        for (auto& engine : world_.engines) {
            auto done = [this] { ++given; };
            if (notifier)
                engine->notify_service(who, own, done);
            else
                engine->deliver_service(who, own, done);
            world_.store.run();
        }
        return world_.take();
    }

    static inline std::uint64_t turn = 0;
    service_ptr who;
    bool again = false;
    std::size_t given = 0;

  private:
    rig& world_;
    std::uint64_t client_;
};

smp::service_queues sum_of(std::initializer_list<bytes> ids) {
    smp::service_queues out;
    for (const auto& id : ids) out.add(id);
    return out;
}

smp::version newest(rig& world) { return world.version = 19; }

TEST(services, a_service_makes_queues_and_gets_their_messages) {
    rig world(2);
    newest(world);
    test_service service(world, 1, 7);
    service.attach();
    auto queue = test_queue::make(world, 1);
    auto other = test_queue::make(world, 1);
    EXPECT_EQ(queue.send(world, 2, "one"), "2:OK, 1:! MSG one");
    EXPECT_EQ(queue.send(world, 2, "two"), "2:OK");
    EXPECT_EQ(queue.ack(world, 1), "1:MSG two");
    EXPECT_EQ(queue.ack(world, 1), "1:OK");
    EXPECT_EQ(queue.ack(world, 1), "1:ERR NO_MSG");
    EXPECT_EQ(world.engines[0]->subscriptions() + world.engines[1]->subscriptions(), 0U)
        << "what is not under way costs nothing";
    EXPECT_EQ(world.store.rows("smp.served"), 2U);
    EXPECT_EQ(world.store.rows("smp.services"), 1U);
    EXPECT_EQ(world.store.rows("smp.service-prints"), 1U);

    EXPECT_EQ(service.subscribe(), sum_of({queue.recipient_id, other.recipient_id}));
    EXPECT_FALSE(service.again);
    EXPECT_EQ(service.subscribe(), sum_of({queue.recipient_id, other.recipient_id}));
    EXPECT_TRUE(service.again);
    EXPECT_EQ(other.sub(world, 1), "1:SOK");
    EXPECT_EQ(world.tell(1, cmd::del{}, other.recipient_id, &other.recipient), "1:OK");
    EXPECT_EQ(service.subscribe(), sum_of({queue.recipient_id}));
    EXPECT_EQ(world.store.rows("smp.served"), 1U);
}

TEST(services, the_answers_name_the_service) {
    rig world;
    newest(world);
    test_service service(world, 1, 7);
    service.attach();
    auto queue = test_queue::make(world, 5);
    EXPECT_EQ(queue.sub(world, 1), "5:! END, 1:SOK");
    const auto got = world.last.message;
    const auto sok = std::get<msg::sok>(smp::parse_message(got, world.version).value());
    ASSERT_TRUE(sok.service_id);
    EXPECT_EQ(to_bytes(*sok.service_id), to_bytes(bytes_view(service.who->id)));

    const auto key = crypto::private_key::generate(crypto::key_type::ed25519, world.random);
    cmd::create create;
    create.key = key.public_part();
    create.dh_key = crypto::private_key::generate(crypto::key_type::x25519, world.random).public_part();
    create.mode = smp::queue_mode::messaging;
    EXPECT_EQ(world.tell(1, create, {}, &key), "1:IDS");
    const auto made = world.last.message;
    const auto ids = std::get<msg::ids>(smp::parse_message(made, world.version).value());
    ASSERT_TRUE(ids.service_id);
    EXPECT_EQ(to_bytes(*ids.service_id), to_bytes(bytes_view(service.who->id)));
    create.subscribe = false;
    EXPECT_EQ(world.tell(1, create, {}, &key), "1:ERR CMD PROHIBITED");
}

TEST(services, a_queue_goes_from_client_to_service_and_back) {
    rig world(2);
    newest(world);
    test_service service(world, 1, 7);
    test_service other(world, 3, 8);
    service.attach();
    other.attach();
    auto queue = test_queue::make(world, 5);
    EXPECT_EQ(queue.send(world, 2, "hello"), "2:OK, 5:! MSG hello");
    EXPECT_EQ(queue.sub(world, 1), "5:! END, 1:SOK, 1:! MSG hello");
    EXPECT_EQ(queue.sub(world, 1), "1:SOK, 1:! MSG hello") << "not acknowledged: again";
    EXPECT_EQ(queue.sub(world, 3), "1:! END, 3:SOK, 3:! MSG hello");
    EXPECT_EQ(service.subscribe(), sum_of({}));
    EXPECT_EQ(other.subscribe(), sum_of({queue.recipient_id}));
    EXPECT_EQ(queue.sub(world, 6), "3:! END, 6:SOK, 6:! MSG hello");
    EXPECT_EQ(other.subscribe(), sum_of({}));
    EXPECT_EQ(queue.ack(world, 6), "6:OK");
    EXPECT_EQ(world.store.rows("smp.served"), 0U);

    EXPECT_EQ(queue.sub(world, 3), "6:! END, 3:SOK");
    EXPECT_EQ(world.tell(6, cmd::del{}, queue.recipient_id, &queue.recipient), "3:! DELD, 6:OK");
    EXPECT_EQ(other.subscribe(), sum_of({}));
    EXPECT_EQ(world.store.rows("smp.served"), 0U);
}

TEST(services, all_of_it_is_in_the_store) {
    rig world(2);
    newest(world);
    smp::service_queues expected;
    std::vector<test_queue> queues;
    {
        test_service service(world, 1, 7);
        service.attach();
        for (int i = 0; i < 40; ++i) {
            queues.push_back(test_queue::make(world, 1));
            expected.add(queues.back().recipient_id);
        }
        world.disconnect(1);
        for (int i = 0; i < 20; ++i) EXPECT_EQ(queues[i].send(world, 2, "waits"), "2:OK");
    }
    world.restart();
    test_service service(world, 3, 7);
    EXPECT_EQ(service.subscribe().count, -1'000) << "it is not the service's connection";
    service.attach();
    EXPECT_EQ(service.subscribe(), expected);
    EXPECT_EQ(service.give().size(), std::string("3:! MSG waits, ").size() * 20 - 2);
    EXPECT_EQ(service.given, 2U);
    EXPECT_EQ(service.give(), "") << "each is under way once";
    EXPECT_EQ(queues[0].ack(world, 3), "3:OK");
}

TEST(services, what_waits_is_given_as_there_is_room) {
    rig world;
    newest(world);
    test_service service(world, 1, 7);
    service.attach();
    std::vector<test_queue> queues;
    for (int i = 0; i < 40; ++i) queues.push_back(test_queue::make(world, 1));
    world.disconnect(1);
    for (auto& each : queues) each.send(world, 2, "x");
    service.attach();
    service.subscribe();
    world.full = true;
    EXPECT_EQ(service.give().size(), std::string("1:! MSG x, ").size() * 16 - 2);
    EXPECT_EQ(service.given, 0U);
    const auto on = [&](bool open) {
        ASSERT_FALSE(world.waiting_for_room.empty());
        for (const auto& next : std::exchange(world.waiting_for_room, {})) next(open);
        world.store.run();
    };
    on(true);
    EXPECT_EQ(world.take().size(), std::string("1:! MSG x, ").size() * 16 - 2);
    on(false);
    EXPECT_EQ(service.given, 1U) << "the connection is gone: it ends";
}

TEST(services, live_messages_wait_for_room_as_well) {
    rig world;
    newest(world);
    test_service service(world, 1, 7);
    service.attach();
    std::vector<test_queue> queues;
    for (int i = 0; i < 40; ++i) queues.push_back(test_queue::make(world, 1));
    world.full = true;
    std::size_t given = 0;
    for (auto& each : queues)
        if (each.send(world, 2, "x") == "2:OK, 1:! MSG x") ++given;
    EXPECT_EQ(given, 16U);
    EXPECT_EQ(queues[0].ack(world, 1), "1:OK");
    std::size_t turns = 0;
    while (!world.waiting_for_room.empty() && turns < 10) {
        ++turns;
        for (const auto& next : std::exchange(world.waiting_for_room, {})) next(true);
        world.store.run();
    }
    EXPECT_EQ(turns, 2U);
    EXPECT_EQ(world.log.size(), 24U);
    world.take();
    world.full = false;
    EXPECT_EQ(queues[0].send(world, 2, "y"), "2:OK, 1:! MSG y");
}

TEST(services, the_newest_connection_has_them_all) {
    rig world(2);
    newest(world);
    test_service first(world, 1, 7);
    EXPECT_EQ(first.attach(), sum_of({}));
    auto queue = test_queue::make(world, 1);
    auto other = test_queue::make(world, 1);
    EXPECT_EQ(queue.send(world, 2, "hello"), "2:OK, 1:! MSG hello");
    test_service second(world, 4, 7);
    EXPECT_EQ(second.who->id, first.who->id);
    EXPECT_EQ(second.attach(), sum_of({queue.recipient_id, other.recipient_id}));
    EXPECT_EQ(first.subscribe().count, -1'000);
    EXPECT_EQ(second.subscribe(), sum_of({queue.recipient_id, other.recipient_id}));
    EXPECT_EQ(second.give(), "4:! MSG hello");
    EXPECT_EQ(queue.ack(world, 4), "4:OK");
    EXPECT_EQ(other.send(world, 2, "again"), "2:OK, 4:! MSG again");
    world.disconnect(1);
    EXPECT_EQ(queue.send(world, 2, "still"), "2:OK, 4:! MSG still");
    world.disconnect(4);
    EXPECT_EQ(queue.send(world, 2, "waits"), "2:OK");
}

TEST(services, a_blocked_queue_says_so_to_its_service) {
    rig world;
    newest(world);
    test_service service(world, 1, 7);
    service.attach();
    auto queue = test_queue::make(world, 1);
    const auto id = to_identifier(queue.recipient_id).value();
    const auto change = [&](queue_change::action what) {
        queue_change wanted;
        wanted.what = what;
        std::string out = "nothing";
        world.engines[0]->manage(id, wanted,
                                 [&](const result<void>& outcome) { out = outcome ? "done" : "failed"; });
        world.store.run();
        return out + ": " + world.take();
    };
    EXPECT_EQ(change(queue_change::action::block), "done: 1:! ERR BLOCKED reason=spam");
    EXPECT_EQ(queue.sub(world, 1), "1:ERR BLOCKED reason=spam");
    EXPECT_EQ(change(queue_change::action::unblock), "done: ");
    EXPECT_EQ(queue.sub(world, 1), "1:SOK");
    EXPECT_EQ(change(queue_change::action::remove), "done: 1:! DELD");
}

TEST(services, a_store_that_fails_changes_nothing) {
    rig world;
    newest(world);
    test_service service(world, 1, 7);
    service.attach();
    auto queue = test_queue::make(world, 5);
    auto own = test_queue::make(world, 1);
    world.store.outcomes = {PLEXUS_E_IO};
    EXPECT_EQ(queue.sub(world, 1), "1:ERR STORE an input or output error");
    EXPECT_EQ(service.subscribe(), sum_of({own.recipient_id})) << "counted again";
    EXPECT_EQ(queue.send(world, 2, "hello"), "2:OK, 5:! MSG hello");
    world.store.outcomes = {PLEXUS_E_IO};
    EXPECT_EQ(world.tell(1, cmd::del{}, own.recipient_id, &own.recipient),
              "1:ERR STORE an input or output error");
    EXPECT_EQ(queue.sub(world, 1), "5:! END, 1:SOK, 1:! MSG hello");
    world.restart();
    test_service again(world, 1, 7);
    again.attach();
    EXPECT_EQ(again.subscribe(), sum_of({own.recipient_id, queue.recipient_id}));
}

TEST(services, commands_wait_until_the_store_has_counted) {
    rig world;
    newest(world);
    auto queue = test_queue::make(world, 5);
    {
        test_service service(world, 1, 7);
        service.attach();
        EXPECT_EQ(queue.sub(world, 1), "5:! END, 1:SOK");
    }
    world.restart();
    world.hold = true;
    EXPECT_EQ(queue.sub(world, 6), "");
    queue_change remove;
    remove.what = queue_change::action::remove;
    std::string removed;
    world.engines[0]->manage(to_identifier(queue.recipient_id).value(), remove,
                             [&](const result<void>& outcome) { removed = outcome ? "done" : "failed"; });
    EXPECT_EQ(world.tell(6, cmd::que{}, queue.recipient_id, &queue.recipient), "");
    world.store.run();
    EXPECT_EQ(world.take(), "6:SOK, 6:INFO, 6:! DELD") << "in their order";
    EXPECT_EQ(removed, "done");
    EXPECT_EQ(world.store.rows("smp.served"), 0U);
}

TEST(services, a_remote_store_does_as_well) {
    rig world;
    newest(world);
    world.store.later = true;
    test_service service(world, 1, 7);
    service.attach();
    auto queue = test_queue::make(world, 5);
    EXPECT_EQ(queue.sub(world, 1), "5:! END, 1:SOK");
    EXPECT_EQ(queue.send(world, 2, "hello"), "2:OK, 1:! MSG hello");
    world.disconnect(1);
    service.attach();
    EXPECT_EQ(service.subscribe(), sum_of({queue.recipient_id}));
    EXPECT_EQ(service.give(), "1:! MSG hello");
}

TEST(services, a_certificate_has_one_role) {
    rig world;
    newest(world);
    test_service service(world, 1, 7);
    service.attach();
    test_service notifier(world, 3, 7, smp::service_role::notifier);
    EXPECT_NE(service.who->id, notifier.who->id) << "nothing is known of either";
    test_queue::make(world, 1);
    smp::service_offer offer;
    offer.role = smp::service_role::notifier;
    offer.fingerprint = {7};
    std::string out;
    world.engines[0]->admit(offer, {}, server_fingerprint, [&](const result<service_ptr>& found) {
        out = found ? "admitted" : found.error().message();
    });
    EXPECT_EQ(out, "a service has one role");
    world.store.damage("smp.services");
    offer.role = smp::service_role::messaging;
    world.engines[0]->admit(offer, {}, server_fingerprint, [&](const result<service_ptr>& found) {
        out = found ? "admitted" : found.error().message();
    });
    EXPECT_EQ(out, "the record of a service is damaged");
}

// ---- notifiers

struct notifier_of {
    crypto::private_key key;
    bytes id;

    notifier_of(rig& world, std::uint64_t client, const test_queue& queue)
        : key(crypto::private_key::generate(crypto::key_type::ed25519, world.random)) {
        const auto dh_key = crypto::private_key::generate(crypto::key_type::x25519, world.random);
        world.tell(client, cmd::nkey{{key.public_part(), dh_key.public_part()}}, queue.recipient_id,
                   &queue.recipient);
        const auto got = world.last.message;
        id = to_bytes(std::get<msg::nid>(smp::parse_message(got, world.version).value()).notifier_id);
    }
    std::string subscribe(rig& world, std::uint64_t client) const {
        return world.tell(client, cmd::nsub{}, id, &key);
    }
};

std::string send_loud(rig& world, const test_queue& queue) {
    return world.tell(2, cmd::send{{true}, as_bytes("x")}, queue.sender_id, nullptr);
}

TEST(services, a_notifier_service_is_told_for_all_its_notifiers) {
    rig world(2);
    newest(world);
    test_service service(world, 1, 7, smp::service_role::notifier);
    service.attach();
    auto queue = test_queue::make(world, 5, smp::queue_mode::messaging, false);
    auto other = test_queue::make(world, 5, smp::queue_mode::messaging, false);
    const notifier_of notifier(world, 5, queue);
    const notifier_of second(world, 5, other);
    EXPECT_EQ(second.subscribe(world, 6), "6:SOK");
    EXPECT_EQ(notifier.subscribe(world, 1), "1:SOK");
    EXPECT_EQ(second.subscribe(world, 1), "6:! END, 1:SOK");
    EXPECT_EQ(send_loud(world, queue), "2:OK, 1:! NMSG");
    EXPECT_EQ(send_loud(world, other), "2:OK, 1:! NMSG");
    EXPECT_EQ(service.subscribe(), sum_of({notifier.id, second.id}));
    world.disconnect(1);
    EXPECT_EQ(send_loud(world, queue), "2:OK");
    EXPECT_EQ(send_loud(world, queue), "2:OK");
    EXPECT_EQ(send_loud(world, other), "2:OK");

    world.version = 18; // a service that counts without hashes
    test_service again(world, 3, 7, smp::service_role::notifier);
    again.attach();
    EXPECT_EQ(again.subscribe(), sum_of({notifier.id, second.id}));
    EXPECT_EQ(again.give(true), "3:! NMSG, 3:! NMSG, 3:! NMSG");
    EXPECT_EQ(again.give(true), "");

    EXPECT_EQ(second.subscribe(world, 6), "3:! END, 6:SOK");
    EXPECT_EQ(send_loud(world, other), "2:OK, 6:! NMSG");
    EXPECT_EQ(again.subscribe(), sum_of({notifier.id}));
    world.log.clear();
    const notifier_of replaced(world, 5, queue);
    EXPECT_EQ(world.last.what, "NID");
    EXPECT_EQ(world.store.rows("smp.served"), 0U);
    EXPECT_EQ(again.subscribe(), sum_of({}));
    EXPECT_EQ(notifier.subscribe(world, 3), "3:ERR AUTH");
    EXPECT_EQ(replaced.subscribe(world, 3), "3:SOK");
    EXPECT_EQ(world.tell(5, cmd::ndel{}, queue.recipient_id, &queue.recipient), "3:! DELD, 5:OK");
    EXPECT_EQ(world.store.rows("smp.served"), 0U);
}

TEST(services, a_queue_takes_its_notifier_from_the_service) {
    rig world(2);
    newest(world);
    test_service service(world, 1, 7, smp::service_role::notifier);
    service.attach();
    auto queue = test_queue::make(world, 5, smp::queue_mode::messaging, false);
    const notifier_of notifier(world, 5, queue);
    notifier.subscribe(world, 1);
    EXPECT_EQ(world.tell(5, cmd::del{}, queue.recipient_id, &queue.recipient), "1:! DELD, 5:OK");
    EXPECT_EQ(service.subscribe(), sum_of({}));
    EXPECT_EQ(world.store.rows("smp.served"), 0U);
    EXPECT_EQ(world.store.rows("smp.services"), 1U);
}

TEST(services, two_roles_at_once_the_first_queue_decides) {
    rig world(2);
    newest(world);
    test_service messages(world, 1, 7);
    test_service notifications(world, 2, 7, smp::service_role::notifier);
    test_service other(world, 3, 8, smp::service_role::notifier);
    test_service other_messages(world, 4, 8);
    for (auto* each : {&messages, &notifications, &other, &other_messages}) each->attach();
    auto queue = test_queue::make(world, 1);
    auto plain = test_queue::make(world, 5, smp::queue_mode::messaging, false);
    const notifier_of notifier(world, 5, plain);
    EXPECT_EQ(notifier.subscribe(world, 2), "2:ERR SERVICE");
    EXPECT_EQ(notifier.subscribe(world, 3), "3:SOK");
    EXPECT_EQ(plain.sub(world, 4), "4:ERR SERVICE");
    cmd::create create;
    create.key = plain.recipient.public_part();
    create.dh_key = crypto::private_key::generate(crypto::key_type::x25519, world.random).public_part();
    EXPECT_EQ(world.tell(4, create, {}, &plain.recipient), "4:ERR SERVICE");
    EXPECT_EQ(world.store.rows("smp.services"), 2U);
    EXPECT_EQ(world.store.rows("smp.service-prints"), 2U);
    EXPECT_EQ(test_service(world, 5, 7).who->id, messages.who->id) << "it is what it was";
    EXPECT_EQ(messages.subscribe(), sum_of({queue.recipient_id}));
}

TEST(services, counts_are_those_of_the_official_server) {
    rig world;
    newest(world);
    test_service service(world, 1, 7);
    test_service other(world, 3, 8);
    service.attach();
    other.attach();
    auto queue = test_queue::make(world, 5);
    queue.sub(world, 1);
    queue.sub(world, 1);
    queue.sub(world, 3);
    queue.sub(world, 5);
    queue.sub(world, 1);
    world.tell(1, cmd::del{}, queue.recipient_id, &queue.recipient);
    const auto& counts = world.engines[0]->statistics().counts;
    const auto of = [&](counted what) { return counts[static_cast<std::size_t>(what)]; };
    EXPECT_EQ(of(counted::service_joined), 2U);
    EXPECT_EQ(of(counted::service_again), 1U);
    EXPECT_EQ(of(counted::service_changed), 1U);
    EXPECT_EQ(of(counted::service_left), 1U);
    EXPECT_EQ(of(counted::services), 2U);
    EXPECT_EQ(of(counted::service_queues), 0U);
    EXPECT_EQ(names_of_counts[static_cast<std::size_t>(counted::name_disabled)], "rslv_disabled")
        << "each count has its name";
}

} // namespace
} // namespace plexus::smp_server::test
