#include "engine_rig.hpp"

namespace plexus::smp_server::test {
namespace {

/// A notifier of a queue, and what its recipient needs to read NMSG.
struct test_notifier {
    crypto::private_key key;
    crypto::private_key dh_key;
    bytes id;
    crypto::box_key box;

    explicit test_notifier(rig& world)
        : key(crypto::private_key::generate(crypto::key_type::ed25519, world.random)),
          dh_key(crypto::private_key::generate(crypto::key_type::x25519, world.random)) {}

    smp::notifier_credentials credentials() const { return {key.public_part(), dh_key.public_part()}; }

    void take_ids(bytes_view notifier_id, const crypto::public_key& server_key) {
        id = to_bytes(notifier_id);
        box = crypto::box_key::agree(dh_key, server_key).value();
    }
    /// NKEY of a queue's recipient.
    std::string set(rig& world, std::uint64_t client, const test_queue& queue) {
        const auto out = world.tell(client, cmd::nkey{credentials()}, queue.recipient_id, &queue.recipient);
        const auto parsed = smp::parse_message(world.last.message, world.version);
        if (parsed && std::holds_alternative<msg::nid>(*parsed)) {
            const auto& nid = std::get<msg::nid>(*parsed);
            take_ids(nid.notifier_id, nid.dh_key);
        }
        return out;
    }
    std::string subscribe(rig& world, std::uint64_t client) {
        return world.tell(client, cmd::nsub{}, id, &key);
    }
    /// The message id in an NMSG that was seen.
    bytes opened(const seen& event) const {
        EXPECT_EQ(hex_of(event.entity), hex_of(id));
        const auto parsed = smp::parse_message(event.message, 17).value();
        const auto& nmsg = std::get<msg::nmsg>(parsed);
        const auto out = smp::open_notification(box, crypto::to_nonce(nmsg.nonce), nmsg.metadata);
        EXPECT_TRUE(out);
        return out ? out->message_id : bytes{};
    }
    static std::string hex_of(bytes_view data) { return {data.begin(), data.end()}; }
};

std::string send_loud(rig& world, std::uint64_t client, const test_queue& queue, std::string_view text) {
    return world.tell(client, cmd::send{{true}, as_bytes(text)}, queue.sender_id, nullptr);
}

TEST(notifications, a_notifier_is_told_of_messages_that_ask_for_it) {
    rig world(2);
    auto queue = test_queue::make(world, 1);
    test_notifier notifier(world);
    EXPECT_EQ(notifier.set(world, 1, queue), "1:NID");
    EXPECT_EQ(notifier.subscribe(world, 5), "5:SOK");

    EXPECT_EQ(queue.send(world, 2, "quiet"), "2:OK, 1:! MSG quiet");
    const auto first = queue.ack(world, 1);
    EXPECT_EQ(first, "1:OK");
    world.command(2, cmd::send{{true}, as_bytes("loud")}, queue.sender_id, nullptr);
    const auto log = world.log;
    EXPECT_EQ(world.take(), "2:OK, 5:! NMSG, 1:! MSG loud");
    EXPECT_EQ(notifier.opened(log.at(1)), log.at(2).message) << "it names the message";
    EXPECT_TRUE(log.at(1).correlation.empty());

    const auto stranger = crypto::private_key::generate(crypto::key_type::ed25519, world.random);
    EXPECT_EQ(world.tell(6, cmd::nsub{}, notifier.id, &stranger), "6:ERR AUTH");
    EXPECT_EQ(world.tell(6, cmd::nsub{}, queue.recipient_id, &queue.recipient), "6:ERR AUTH");
}

TEST(notifications, what_waits_is_told_at_the_next_subscription) {
    rig world;
    auto queue = test_queue::make(world, 1, smp::queue_mode::messaging, false);
    test_notifier notifier(world);
    notifier.set(world, 1, queue);
    send_loud(world, 2, queue, "one");
    send_loud(world, 2, queue, "two");
    EXPECT_EQ(notifier.subscribe(world, 5), "5:SOK, 5:! NMSG, 5:! NMSG");
    EXPECT_EQ(notifier.subscribe(world, 5), "5:SOK") << "each once";
    EXPECT_EQ(notifier.subscribe(world, 6), "5:! END, 6:SOK") << "the newest subscriber has it";
    world.disconnect(6);
    send_loud(world, 2, queue, "three");
    world.now += 86'401;
    EXPECT_EQ(notifier.subscribe(world, 7), "7:SOK") << "too old to wake anybody";
}

/// What each engine does, when it is started or stopped.
void each_engine(rig& world, void (queue_engine::*step)(std::function<void(result<void>)>)) {
    for (auto& engine : world.engines) {
        bool done = false;
        (*engine.*step)([&done](const result<void>& outcome) { done = outcome.has_value(); });
        world.store.run();
        EXPECT_TRUE(done);
    }
}

TEST(notifications, what_waits_when_a_server_stops_is_told_by_the_next_run) {
    rig world(3);
    std::vector<test_queue> queues;
    std::vector<test_notifier> notifiers;
    for (int i = 0; i < 8; ++i) {
        queues.push_back(test_queue::make(world, 1, smp::queue_mode::messaging, false));
        notifiers.emplace_back(world).set(world, 1, queues.back());
        send_loud(world, 2, queues.back(), "old");
    }
    world.now += 86'000;
    send_loud(world, 2, queues.front(), "new");
    each_engine(world, &queue_engine::keep_notifications);
    EXPECT_EQ(world.store.rows("smp.notifications"), 9U);
    world.restart(2);
    each_engine(world, &queue_engine::take_notifications);
    EXPECT_EQ(world.store.rows("smp.notifications"), 0U) << "a crash loses them, and tells none twice";
    EXPECT_EQ(world.count_of(counted::notifications_waiting), 9U);
    EXPECT_EQ(notifiers[0].subscribe(world, 5), "5:SOK, 5:! NMSG, 5:! NMSG");
    EXPECT_EQ(notifiers[1].subscribe(world, 5), "5:SOK, 5:! NMSG");
    world.restart();
    each_engine(world, &queue_engine::take_notifications);
    EXPECT_EQ(notifiers[2].subscribe(world, 5), "5:SOK");
}

TEST(notifications, that_were_kept_are_told_in_order_for_a_day) {
    rig world;
    auto queue = test_queue::make(world, 1, smp::queue_mode::messaging, false);
    test_notifier notifier(world);
    notifier.set(world, 1, queue);
    send_loud(world, 2, queue, "of yesterday");
    world.now += 80'000;
    send_loud(world, 2, queue, "first");
    send_loud(world, 2, queue, "second");
    each_engine(world, &queue_engine::keep_notifications);
    world.now += 10'000;
    world.restart();
    each_engine(world, &queue_engine::take_notifications);
    EXPECT_EQ(world.store.rows("smp.notifications"), 0U);
    world.command(5, cmd::nsub{}, notifier.id, &notifier.key);
    const auto told = world.log;
    EXPECT_EQ(world.take(), "5:SOK, 5:! NMSG, 5:! NMSG");
    std::vector<bytes> messages;
    for (const auto* text : {"of yesterday", "first", "second"}) {
        EXPECT_EQ(messages.empty() ? queue.sub(world, 1) : queue.ack(world, 1, messages.back()),
                  std::string("1:") + (messages.empty() ? "SOK, 1:! MSG " : "MSG ") + text);
        messages.push_back(world.last.message);
    }
    EXPECT_EQ(notifier.opened(told.at(1)), messages[1]);
    EXPECT_EQ(notifier.opened(told.at(2)), messages[2]);
}

TEST(notifications, are_counted_by_the_blocks_they_fill) {
    rig world;
    auto queue = test_queue::make(world, 1, smp::queue_mode::messaging, false);
    test_notifier notifier(world);
    notifier.set(world, 1, queue);
    for (int i = 0; i < 81; ++i) world.command(2, cmd::send{{true}, as_bytes("x")}, queue.sender_id, nullptr);
    notifier.subscribe(world, 5);
    EXPECT_EQ(world.count_of(counted::notified), 81U);
    EXPECT_EQ(world.count_of(counted::notified_batches), 2U) << "80 fit into one";
    world.now += 1;
    send_loud(world, 2, queue, "later");
    EXPECT_EQ(world.count_of(counted::notified_batches), 3U);
}

TEST(notifications, those_that_wait_are_bounded) {
    rig world;
    std::vector<test_notifier> notifiers;
    for (int i = 0; i < 101; ++i) {
        auto queue = test_queue::make(world, 1, smp::queue_mode::messaging, false);
        notifiers.emplace_back(world).set(world, 1, queue);
        for (int j = 0; j < 100; ++j)
            world.command(2, cmd::send{{true}, as_bytes("x")}, queue.sender_id, nullptr);
        world.take();
    }
    for (const auto& each : notifiers) world.command(5, cmd::nsub{}, each.id, &each.key);
    EXPECT_EQ(world.log.size(), 101U + 10'000U) << "the oldest are gone";
}

TEST(notifications, a_new_notifier_replaces_the_one_before) {
    rig world;
    auto queue = test_queue::make(world, 1);
    test_notifier first(world);
    test_notifier second(world);
    first.set(world, 1, queue);
    first.subscribe(world, 5);
    EXPECT_EQ(second.set(world, 1, queue), "5:! DELD, 1:NID");
    EXPECT_EQ(first.subscribe(world, 5), "5:ERR AUTH");
    EXPECT_EQ(second.subscribe(world, 5), "5:SOK");
    EXPECT_EQ(world.store.rows("smp.notifiers"), 1U);

    world.restart();
    EXPECT_EQ(second.subscribe(world, 5), "5:SOK") << "it is in the store";
    const auto ask = [&] { return world.tell(1, cmd::ndel{}, queue.recipient_id, &queue.recipient); };
    EXPECT_EQ(ask(), "5:! DELD, 1:OK");
    EXPECT_EQ(ask(), "1:OK");
    EXPECT_EQ(second.subscribe(world, 5), "5:ERR AUTH");
    EXPECT_EQ(world.store.rows("smp.notifiers"), 0U);
    EXPECT_EQ(send_loud(world, 2, queue, "x"), "2:OK");
}

TEST(notifications, from_version_17_a_queue_is_made_with_its_notifier) {
    rig world;
    test_notifier notifier(world);
    const auto recipient = crypto::private_key::generate(crypto::key_type::ed25519, world.random);
    cmd::create value;
    value.key = recipient.public_part();
    value.dh_key = crypto::private_key::generate(crypto::key_type::x25519, world.random).public_part();
    value.mode = smp::queue_mode::messaging;
    value.notifier = notifier.credentials();
    EXPECT_EQ(world.tell(1, value, {}, &recipient), "1:IDS");
    const auto answer = world.last.message;
    const auto parsed = smp::parse_message(answer, world.version).value();
    const auto& ids = std::get<msg::ids>(parsed);
    ASSERT_TRUE(ids.notifier);
    notifier.take_ids(ids.notifier->notifier_id, ids.notifier->dh_key);
    test_queue queue;
    queue.recipient = recipient;
    queue.recipient_id = to_bytes(ids.recipient_id);
    queue.sender_id = to_bytes(ids.sender_id);
    EXPECT_EQ(notifier.subscribe(world, 5), "5:SOK");
    EXPECT_EQ(send_loud(world, 2, queue, "x"), "2:OK, 5:! NMSG, 1:! MSG x");
    EXPECT_EQ(world.tell(1, cmd::que{}, queue.recipient_id, &recipient), "1:INFO");
    EXPECT_TRUE(smp::parse_queue_info(to_string(world.last.message).substr(5))->has_notifier);
    EXPECT_EQ(world.tell(1, cmd::del{}, queue.recipient_id, &recipient), "5:! DELD, 1:OK");
    EXPECT_EQ(world.store.rows("smp.notifiers"), 0U);
}

TEST(notifications, a_store_that_fails_keeps_the_notifier_of_before) {
    rig world;
    auto queue = test_queue::make(world, 1);
    test_notifier first(world);
    test_notifier second(world);
    first.set(world, 1, queue);
    world.store.outcomes = {PLEXUS_E_IO};
    EXPECT_EQ(second.set(world, 1, queue), "1:ERR STORE an input or output error");
    EXPECT_EQ(first.subscribe(world, 5), "5:SOK");
}

} // namespace
} // namespace plexus::smp_server::test
