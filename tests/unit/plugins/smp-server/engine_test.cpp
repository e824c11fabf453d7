#include "engine_rig.hpp"

namespace plexus::smp_server::test {
namespace {

using smp::queue_mode;

TEST(engine, a_message_goes_from_sender_to_recipient) {
    rig world;
    auto queue = test_queue::make(world, 1);
    EXPECT_EQ(queue.secure(world, 2), "2:OK");
    EXPECT_EQ(queue.send_secured(world, 2, "hello"), "2:OK, 1:! MSG hello");
    const auto id = world.last.message;
    EXPECT_EQ(queue.send_secured(world, 2, "again"), "2:OK") << "one at a time";
    EXPECT_EQ(queue.ack(world, 1, bytes(24, 9)), "1:ERR NO_MSG");
    EXPECT_EQ(queue.ack(world, 1, id), "1:MSG again");
    EXPECT_EQ(queue.ack(world, 1), "1:OK") << "an empty id acknowledges what was delivered";
    EXPECT_EQ(queue.ack(world, 1), "1:ERR NO_MSG");
    EXPECT_EQ(world.store.rows("smp.messages"), 0U);
    EXPECT_EQ(world.store.rows("smp.waiting"), 0U);
}

TEST(engine, who_sends_to_itself_gets_the_message_before_the_answer) {
    rig world;
    auto queue = test_queue::make(world, 1);
    EXPECT_EQ(queue.send(world, 1, "one"), "1:! MSG one, 1:OK");
    EXPECT_EQ(queue.send(world, 1, "two"), "1:OK") << "one at a time";
    EXPECT_EQ(queue.ack(world, 1), "1:MSG two");
}

TEST(engine, ok_comes_when_the_message_is_safe) {
    rig world;
    auto queue = test_queue::make(world, 1);
    world.hold = true;
    EXPECT_EQ(queue.send(world, 2, "one"), "");
    EXPECT_EQ(queue.send(world, 2, "two"), "");
    world.store.step();
    EXPECT_EQ(world.take(), "2:OK, 1:! MSG one");
    world.store.step();
    EXPECT_EQ(world.take(), "2:OK");
    EXPECT_EQ(queue.ack(world, 1), "") << "a message that is acknowledged is gone for good";
    world.store.step();
    EXPECT_EQ(world.take(), "1:MSG two");
}

TEST(engine, what_was_acknowledged_to_the_sender_survives) {
    rig world;
    auto queue = test_queue::make(world, 1);
    EXPECT_EQ(queue.send(world, 2, "one"), "2:OK, 1:! MSG one");
    EXPECT_EQ(queue.send(world, 2, "two"), "2:OK");
    world.restart();
    EXPECT_EQ(queue.sub(world, 3), "3:SOK, 3:! MSG one") << "delivered and not acknowledged: it comes again";
    EXPECT_EQ(queue.send(world, 2, "three"), "2:OK");
    EXPECT_EQ(queue.ack(world, 3), "3:MSG two");
    EXPECT_EQ(queue.ack(world, 3), "3:MSG three");
    EXPECT_EQ(queue.ack(world, 3), "3:OK");
}

TEST(engine, authorization) {
    rig world;
    auto queue = test_queue::make(world, 1);
    const auto other = crypto::private_key::generate(crypto::key_type::ed25519, world.random);
    const auto other448 = crypto::private_key::generate(crypto::key_type::ed448, world.random);
    const auto other_x = crypto::private_key::generate(crypto::key_type::x25519, world.random);
    for (const auto* key : {&other, &other448, &other_x}) {
        EXPECT_EQ(world.tell(2, cmd::sub{}, queue.recipient_id, key), "2:ERR AUTH");
        EXPECT_EQ(world.tell(2, cmd::sub{}, bytes(24, 9), key), "2:ERR AUTH");
        EXPECT_EQ(world.tell(2, cmd::sub{}, bytes(5, 9), key), "2:ERR AUTH");
        EXPECT_EQ(world.tell(2, cmd::send{}, bytes(24, 9), key), "2:ERR AUTH");
        EXPECT_EQ(world.tell(2, cmd::send{}, queue.sender_id, key), "2:ERR AUTH") << "not secured yet";
    }
    EXPECT_EQ(world.tell(2, cmd::skey{other.public_part()}, queue.sender_id, &other448), "2:ERR AUTH");
    EXPECT_EQ(queue.secure(world, 2), "2:OK");
    EXPECT_EQ(queue.secure(world, 2), "2:OK") << "the same key again";
    EXPECT_EQ(world.tell(2, cmd::skey{other.public_part()}, queue.sender_id, &other), "2:ERR AUTH");
    EXPECT_EQ(world.tell(1, cmd::key{other.public_part()}, queue.recipient_id, &queue.recipient),
              "1:ERR AUTH");
    EXPECT_EQ(world.tell(1, cmd::key{queue.sender.public_part()}, queue.recipient_id, &queue.recipient),
              "1:OK");
    EXPECT_EQ(queue.send(world, 2, "unsigned"), "2:ERR AUTH");
    EXPECT_EQ(world.tell(2, cmd::send{}, queue.sender_id, &other_x), "2:ERR AUTH");
    EXPECT_EQ(queue.send_secured(world, 2, "signed"), "2:OK, 1:! MSG signed");
}

TEST(engine, skey_is_for_messaging_queues_key_for_all) {
    rig world;
    auto contact = test_queue::make(world, 1, queue_mode::contact);
    EXPECT_EQ(contact.secure(world, 2), "2:ERR AUTH");
    EXPECT_EQ(world.tell(1, cmd::key{contact.sender.public_part()}, contact.recipient_id, &contact.recipient),
              "1:OK");
    auto old = test_queue::make(world, 1, std::nullopt);
    EXPECT_EQ(old.secure(world, 2), "2:ERR AUTH");
}

TEST(engine, a_second_subscriber_takes_over) {
    rig world;
    auto queue = test_queue::make(world, 1);
    EXPECT_EQ(queue.send(world, 9, "one"), "9:OK, 1:! MSG one");
    EXPECT_EQ(queue.sub(world, 2), "1:! END, 2:SOK, 2:! MSG one");
    EXPECT_EQ(queue.ack(world, 1), "1:ERR NO_MSG");
    EXPECT_EQ(queue.sub(world, 2), "2:SOK, 2:! MSG one") << "again on the same connection";
    world.disconnect(2);
    EXPECT_EQ(queue.send(world, 9, "two"), "9:OK");
    EXPECT_EQ(queue.sub(world, 1), "1:SOK, 1:! MSG one") << "nobody is left to end";
}

TEST(engine, counts_subscriptions_as_official_servers_do) {
    rig world;
    std::vector<test_queue> queues;
    for (int i = 0; i < 256; ++i) queues.push_back(test_queue::make(world, 1));
    world.disconnect(1);
    queues[0].send(world, 2, "one");
    for (auto& each : queues) each.sub(world, 3);
    queues[0].sub(world, 3);
    EXPECT_EQ(world.count_of(counted::subscribed), 1U)
        << "of queues with messages, and again is another count";
    EXPECT_EQ(world.count_of(counted::subscribed_again), 1U);
    for (auto& each : queues) each.sub(world, 4);
    EXPECT_EQ(world.count_of(counted::subscription_ended), 256U);
    EXPECT_EQ(world.count_of(counted::ended_batches), 2U) << "255 fit into a block";
}

TEST(engine, get_and_sub_exclude_each_other_on_one_connection) {
    rig world;
    auto queue = test_queue::make(world, 1, queue_mode::messaging, false);
    auto get = [&](std::uint64_t client) {
        return world.tell(client, cmd::get{}, queue.recipient_id, &queue.recipient);
    };
    EXPECT_EQ(get(1), "1:OK");
    EXPECT_EQ(queue.sub(world, 1), "1:ERR CMD PROHIBITED");
    EXPECT_EQ(queue.send(world, 9, "one"), "9:OK");
    EXPECT_EQ(queue.send(world, 9, "two"), "9:OK");
    EXPECT_EQ(get(1), "1:MSG one");
    EXPECT_EQ(get(1), "1:MSG one");
    EXPECT_EQ(queue.ack(world, 1), "1:OK") << "not the next one";
    EXPECT_EQ(get(1), "1:MSG two");
    EXPECT_EQ(queue.sub(world, 2), "2:SOK, 2:! MSG two");
    EXPECT_EQ(get(2), "2:ERR CMD PROHIBITED");
    world.disconnect(1);
    EXPECT_EQ(queue.sub(world, 1), "2:! END, 1:SOK, 1:! MSG two");
}

TEST(engine, a_full_queue_waits_until_it_is_empty) {
    rig world;
    world.own.quota = 3;
    world.restart();
    auto queue = test_queue::make(world, 1);
    EXPECT_EQ(queue.send(world, 2, "1"), "2:OK, 1:! MSG 1");
    EXPECT_EQ(queue.send(world, 2, "2"), "2:OK");
    EXPECT_EQ(queue.send(world, 2, "3"), "2:OK");
    EXPECT_EQ(queue.send(world, 2, "4"), "2:ERR QUOTA");
    EXPECT_EQ(queue.send(world, 2, "5"), "2:ERR QUOTA") << "one marker is enough";
    world.restart();
    EXPECT_EQ(queue.sub(world, 1), "1:SOK, 1:! MSG 1");
    EXPECT_EQ(queue.ack(world, 1), "1:MSG 2");
    EXPECT_EQ(queue.send(world, 2, "6"), "2:ERR QUOTA") << "there is room, but it is not empty";
    EXPECT_EQ(queue.ack(world, 1), "1:MSG 3");
    EXPECT_EQ(queue.ack(world, 1), "1:MSG QUOTA");
    EXPECT_EQ(queue.send(world, 2, "7"), "2:ERR QUOTA");
    EXPECT_EQ(queue.ack(world, 1), "1:OK");
    EXPECT_EQ(queue.send(world, 2, "8"), "2:OK, 1:! MSG 8");
    EXPECT_EQ(world.store.rows("smp.messages"), 1U);
}

TEST(engine, deletion_leaves_nothing_and_tells_the_subscriber) {
    rig world;
    const smp::link_data data{as_bytes("fixed"), as_bytes("user")};
    auto queue = test_queue::make(world, 1, queue_mode::messaging, true, data);
    EXPECT_EQ(queue.send(world, 2, "one"), "2:OK, 1:! MSG one");
    EXPECT_EQ(queue.send(world, 2, "two"), "2:OK");
    world.hold = true;
    EXPECT_EQ(world.tell(3, cmd::del{}, queue.recipient_id, &queue.recipient), "1:! DELD");
    EXPECT_EQ(queue.send(world, 2, "late"), "2:ERR AUTH") << "before the store knows";
    EXPECT_EQ(queue.sub(world, 1), "1:ERR AUTH");
    world.hold = false;
    world.store.run();
    EXPECT_EQ(world.take(), "3:OK");
    EXPECT_EQ(queue.sub(world, 1), "1:ERR AUTH");
    for (const auto* table : {"smp.queues", "smp.senders", "smp.links", "smp.waiting", "smp.messages"})
        EXPECT_EQ(world.store.rows(table), 0U) << table;
}

TEST(engine, a_suspended_queue_takes_no_messages) {
    rig world;
    auto queue = test_queue::make(world, 1);
    EXPECT_EQ(queue.send(world, 2, "one"), "2:OK, 1:! MSG one");
    EXPECT_EQ(world.tell(1, cmd::off{}, queue.recipient_id, &queue.recipient), "1:OK");
    EXPECT_EQ(queue.send(world, 2, "two"), "2:ERR AUTH");
    EXPECT_EQ(queue.ack(world, 1), "1:OK");
}

TEST(engine, sizes_of_messages) {
    rig world;
    auto queue = test_queue::make(world, 1);
    const std::string most(smp::max_message_length(17), 'x');
    EXPECT_EQ(queue.send(world, 2, most + "x"), "2:ERR LARGE_MSG");
    EXPECT_EQ(queue.send(world, 2, most), "2:OK, 1:! MSG " + most);
    EXPECT_EQ(queue.ack(world, 1), "1:OK");
    EXPECT_EQ(queue.send(world, 2, ""), "2:OK, 1:! MSG ");
    world.restart();
    EXPECT_EQ(queue.sub(world, 1), "1:SOK, 1:! MSG ") << "an empty message is one as well";
}

TEST(engine, a_one_time_link) {
    rig world;
    const smp::link_data data{as_bytes("fixed"), as_bytes("user")};
    auto queue = test_queue::make(world, 1, queue_mode::messaging, true, data);
    ASSERT_EQ(queue.link_id.size(), 24U);
    const auto other = crypto::private_key::generate(crypto::key_type::ed25519, world.random);
    EXPECT_EQ(world.tell(2, cmd::lget{}, queue.link_id, nullptr), "2:ERR AUTH") << "for contact addresses";
    EXPECT_EQ(world.tell(2, cmd::lkey{queue.sender.public_part()}, queue.link_id, &other), "2:ERR AUTH");
    EXPECT_EQ(world.tell(2, cmd::lkey{queue.sender.public_part()}, bytes(24, 4), &queue.sender),
              "2:ERR AUTH");
    EXPECT_EQ(world.tell(2, cmd::lkey{queue.sender.public_part()}, queue.link_id, &queue.sender), "2:LNK");
    const auto kept = world.last.message;
    const auto parsed = smp::parse_message(kept, 17).value();
    const auto& link = std::get<msg::lnk>(parsed);
    EXPECT_EQ(to_bytes(link.sender_id), queue.sender_id);
    EXPECT_EQ(as_text(link.data.fixed), "fixed");
    EXPECT_EQ(as_text(link.data.user), "user");
    EXPECT_EQ(world.tell(2, cmd::lkey{queue.sender.public_part()}, queue.link_id, &queue.sender), "2:LNK");
    EXPECT_EQ(world.tell(2, cmd::lkey{other.public_part()}, queue.link_id, &other), "2:ERR AUTH");
    EXPECT_EQ(queue.secure(world, 2), "2:OK") << "SKEY after LKEY with the same key";
    EXPECT_EQ(world.tell(1, cmd::lset{queue.link_id, data}, queue.recipient_id, &queue.recipient),
              "1:ERR AUTH")
        << "secured";
    EXPECT_EQ(queue.send_secured(world, 2, "hi"), "2:OK, 1:! MSG hi");
    EXPECT_EQ(world.store.rows("smp.links"), 0U) << "the first message ends the link";
    EXPECT_EQ(world.tell(2, cmd::lkey{queue.sender.public_part()}, queue.link_id, &queue.sender),
              "2:ERR AUTH");
}

TEST(engine, a_contact_address) {
    rig world;
    const smp::link_data data{as_bytes("fixed"), as_bytes("user")};
    const bytes link_id(24, 8);
    auto queue = test_queue::make(world, 1, queue_mode::contact, true, data, link_id);
    EXPECT_EQ(queue.link_id, link_id);
    EXPECT_EQ(world.tell(2, cmd::lget{}, link_id, nullptr), "2:LNK");
    const auto other = crypto::private_key::generate(crypto::key_type::ed25519, world.random);
    EXPECT_EQ(world.tell(2, cmd::lkey{other.public_part()}, link_id, &other), "2:ERR AUTH");
    auto set = [&](bytes id, std::string_view fixed, std::string_view user) {
        return world.tell(1, cmd::lset{id, {as_bytes(fixed), as_bytes(user)}}, queue.recipient_id,
                          &queue.recipient);
    };
    EXPECT_EQ(set(link_id, "fixed", "newer"), "1:OK");
    EXPECT_EQ(set(link_id, "other", "newer"), "1:ERR AUTH");
    EXPECT_EQ(set(bytes(24, 7), "fixed", "newer"), "1:ERR AUTH");
    EXPECT_EQ(world.tell(2, cmd::lget{}, link_id, nullptr), "2:LNK");
    EXPECT_NE(to_string(world.last.message).find("newer"), std::string::npos);

    cmd::rkey keys;
    keys.keys = {queue.recipient.public_part(), other.public_part()};
    EXPECT_EQ(world.tell(1, keys, queue.recipient_id, &queue.recipient), "1:OK");
    EXPECT_EQ(world.tell(3, cmd::sub{}, queue.recipient_id, &other), "1:! END, 3:SOK");
    EXPECT_EQ(world.tell(1, cmd::ldel{}, queue.recipient_id, &queue.recipient), "1:OK");
    EXPECT_EQ(world.tell(1, cmd::ldel{}, queue.recipient_id, &queue.recipient), "1:OK");
    EXPECT_EQ(world.tell(2, cmd::lget{}, link_id, nullptr), "2:ERR AUTH");
    EXPECT_EQ(set(bytes(24, 7), "anew", "user"), "1:OK");
    EXPECT_EQ(world.tell(2, cmd::lget{}, bytes(24, 7), nullptr), "2:LNK");
    auto messaging = test_queue::make(world, 1);
    EXPECT_EQ(world.tell(1, keys, messaging.recipient_id, &messaging.recipient), "1:ERR AUTH");
    EXPECT_EQ(world.tell(1, cmd::lset{bytes(24, 7), data}, messaging.recipient_id, &messaging.recipient),
              "1:ERR AUTH")
        << "somebody else's link";
    EXPECT_EQ(world.tell(1, cmd::lset{bytes(24, 6), data}, messaging.recipient_id, &messaging.recipient),
              "1:OK")
        << "and the refusal left nothing behind";
}

TEST(engine, nobody_can_take_a_link_that_is_there) {
    rig world;
    const smp::link_data data{as_bytes("fixed"), as_bytes("user")};
    const bytes link_id(24, 8);
    auto owner = test_queue::make(world, 1, queue_mode::contact, true, data, link_id);
    auto thief = test_queue::make(world, 2, queue_mode::contact);
    world.hold = true;
    const cmd::lset theft{link_id, {as_bytes("fixed"), as_bytes("stolen")}};
    EXPECT_EQ(world.tell(2, theft, thief.recipient_id, &thief.recipient), "");
    EXPECT_EQ(world.tell(2, theft, thief.recipient_id, &thief.recipient), "")
        << "before the first is decided";
    EXPECT_EQ(thief.send(world, 3, "meanwhile"), "");
    world.hold = false;
    world.store.run();
    EXPECT_EQ(world.take(), "2:ERR AUTH, 2:ERR AUTH, 3:OK, 2:! MSG meanwhile");
    EXPECT_EQ(world.tell(4, cmd::lget{}, link_id, nullptr), "4:LNK");
    EXPECT_EQ(to_string(world.last.message).find("stolen"), std::string::npos);
    world.hold = true;
    const bytes own_link(24, 3);
    const cmd::lset own{own_link, data};
    EXPECT_EQ(world.tell(2, own, thief.recipient_id, &thief.recipient), "");
    EXPECT_EQ(world.tell(2, own, thief.recipient_id, &thief.recipient), "");
    world.store.run();
    EXPECT_EQ(world.take(), "2:OK, 2:OK");
}

TEST(engine, ids_that_the_client_gives) {
    rig world;
    const auto key = crypto::private_key::generate(crypto::key_type::ed25519, world.random);
    cmd::create value;
    value.key = key.public_part();
    value.dh_key = crypto::private_key::generate(crypto::key_type::x25519, world.random).public_part();
    value.mode = queue_mode::contact;
    const bytes correlation(24, 5);
    const auto right = crypto::id_from_correlation_id(correlation);
    const bytes wrong(24, 1);
    const bytes link(24, 2);
    value.data = cmd::create::link{link, wrong, {as_bytes("f"), as_bytes("u")}};
    EXPECT_EQ(world.tell(1, value, {}, &key, correlation), "1:ERR CMD PROHIBITED");
    value.data->sender_id = right;
    EXPECT_EQ(world.tell(1, value, {}, &key, correlation), "1:IDS");
    EXPECT_EQ(world.tell(1, value, {}, &key, correlation), "1:ERR AUTH") << "taken";
    const bytes another(24, 6);
    const auto free_id = crypto::id_from_correlation_id(another);
    value.data->sender_id = free_id;
    EXPECT_EQ(world.tell(1, value, {}, &key, another), "1:ERR AUTH") << "the link is taken";
    EXPECT_EQ(world.store.rows("smp.queues"), 1U);
    EXPECT_EQ(world.store.rows("smp.senders"), 1U);
}

TEST(engine, new_queues_may_need_a_password) {
    rig world;
    world.own.password = secret_bytes(as_bytes("secret"));
    const auto key = crypto::private_key::generate(crypto::key_type::ed25519, world.random);
    cmd::create value;
    value.key = key.public_part();
    value.dh_key = crypto::private_key::generate(crypto::key_type::x25519, world.random).public_part();
    EXPECT_EQ(world.tell(1, value, {}, &key), "1:ERR AUTH");
    value.password = as_bytes("wrong!");
    EXPECT_EQ(world.tell(1, value, {}, &key), "1:ERR AUTH");
    value.password = as_bytes("secret");
    EXPECT_EQ(world.tell(1, value, {}, &key), "1:IDS");
    world.own.allow_new_queues = false;
    EXPECT_EQ(world.tell(1, value, {}, &key), "1:ERR AUTH");
    const auto other = crypto::private_key::generate(crypto::key_type::ed25519, world.random);
    world.own.allow_new_queues = true;
    EXPECT_EQ(world.tell(1, value, {}, &other), "1:ERR AUTH") << "not signed with the queue's own key";
}

TEST(engine, old_messages_are_dropped) {
    rig world;
    world.own.message_ttl = 100;
    auto queue = test_queue::make(world, 1, queue_mode::messaging, false);
    EXPECT_EQ(queue.send(world, 2, "old"), "2:OK");
    EXPECT_EQ(queue.send(world, 2, "older brother"), "2:OK");
    world.now += 90;
    EXPECT_EQ(queue.send(world, 2, "young"), "2:OK");
    world.now += 20;
    EXPECT_EQ(queue.send(world, 2, "new"), "2:OK");
    EXPECT_EQ(world.store.rows("smp.messages"), 2U);
    EXPECT_EQ(queue.sub(world, 1), "1:SOK, 1:! MSG young");
    world.now += 1'000;
    world.engines[0]->expire(to_identifier(queue.recipient_id).value());
    world.store.run();
    EXPECT_EQ(world.store.rows("smp.messages"), 0U);
    EXPECT_EQ(queue.ack(world, 1), "1:OK") << "what it acknowledges is gone already";
}

TEST(engine, information) {
    rig world;
    auto queue = test_queue::make(world, 1);
    auto ask = [&](std::uint64_t client) {
        EXPECT_EQ(world.tell(client, cmd::que{}, queue.recipient_id, &queue.recipient),
                  std::to_string(client) + ":INFO");
        return smp::parse_queue_info(std::string_view(as_text(world.last.message)).substr(5)).value();
    };
    EXPECT_EQ(ask(1).size, 0U);
    EXPECT_EQ(queue.send(world, 2, "one"), "2:OK, 1:! MSG one");
    const auto info = ask(1);
    EXPECT_EQ(info.size, 1U);
    EXPECT_FALSE(info.has_sender_key);
    ASSERT_TRUE(info.own && info.first);
    EXPECT_EQ(info.own->state, "noSub");
    EXPECT_TRUE(info.own->delivered);
    EXPECT_EQ(info.first->seconds, world.now);
    EXPECT_FALSE(ask(3).own);
}

TEST(engine, refusals_cost_what_was_tried) {
    rig world;
    auto queue = test_queue::make(world, 1, smp::queue_mode::contact);
    const auto own = crypto::private_key::generate(crypto::key_type::ed25519, world.random);
    const auto dear = crypto::private_key::generate(crypto::key_type::ed448, world.random);
    const auto cost = [&](bytes_view id, const crypto::private_key& key) {
        EXPECT_EQ(world.tell(2, cmd::sub{}, id, &key), "2:ERR AUTH");
        return world.checks;
    };
    EXPECT_EQ(cost(queue.recipient_id, own), 1);
    EXPECT_EQ(cost(queue.recipient_id, dear), 4) << "Ed448 costs more, also where it cannot be right";
    EXPECT_EQ(cost(bytes(24, 1), own), 1);
    EXPECT_EQ(cost(bytes(24, 1), dear), 4) << "and where there is no queue";
    cmd::rkey three;
    for (int i = 0; i < 3; ++i)
        three.keys.push_back(
            crypto::private_key::generate(crypto::key_type::ed25519, world.random).public_part());
    EXPECT_EQ(world.tell(1, three, queue.recipient_id, &queue.recipient), "1:OK");
    EXPECT_EQ(cost(queue.recipient_id, own), 3);
    EXPECT_EQ(cost(queue.recipient_id, dear), 12);
}

TEST(engine, a_store_that_fails) {
    rig world;
    auto queue = test_queue::make(world, 1);
    world.store.outcomes = {PLEXUS_E_FULL};
    EXPECT_EQ(queue.send(world, 2, "lost"), "2:ERR STORE no room left");
    EXPECT_EQ(queue.send(world, 2, "kept"), "2:OK, 1:! MSG kept");
    world.store.outcomes = {PLEXUS_E_IO};
    EXPECT_EQ(queue.secure(world, 2), "2:ERR STORE an input or output error");
    EXPECT_EQ(queue.send(world, 2, "not secured"), "2:OK") << "as the store has it";
    world.store.outcomes = {PLEXUS_E_IO};
    EXPECT_EQ(world.tell(1, cmd::del{}, queue.recipient_id, &queue.recipient),
              "1:ERR STORE an input or output error");
    EXPECT_EQ(queue.sub(world, 1), "1:SOK, 1:! MSG kept");
}

TEST(engine, a_store_that_cannot_read) {
    rig world;
    auto queue = test_queue::make(world, 1);
    world.restart();
    world.store.read_outcome = PLEXUS_E_IO;
    EXPECT_EQ(queue.sub(world, 1), "1:ERR STORE an input or output error")
        << "AUTH would say that it is gone";
    EXPECT_EQ(queue.send(world, 2, "x"), "2:ERR STORE an input or output error");
    world.store.read_outcome = PLEXUS_OK;
    EXPECT_EQ(queue.sub(world, 1), "1:SOK");
    world.restart();
    world.store.damage("smp.queues");
    EXPECT_EQ(queue.sub(world, 1), "1:ERR STORE damaged data");
}

TEST(engine, a_store_that_answers_later) {
    rig world;
    world.store.later = true;
    const smp::link_data data{as_bytes("fixed"), as_bytes("user")};
    auto queue = test_queue::make(world, 1, queue_mode::messaging, true, data);
    EXPECT_EQ(world.tell(2, cmd::lkey{queue.sender.public_part()}, queue.link_id, &queue.sender), "2:LNK");
    EXPECT_EQ(queue.send_secured(world, 2, "one"), "2:OK, 1:! MSG one");
    world.restart();
    world.hold = true;
    EXPECT_EQ(queue.sub(world, 1), "");
    EXPECT_EQ(queue.send_secured(world, 2, "two"), "");
    EXPECT_EQ(world.tell(3, cmd::sub{}, bytes(24, 1), &queue.recipient), "");
    world.store.run();
    EXPECT_EQ(world.take(), "1:SOK, 3:ERR AUTH, 1:! MSG one, 2:OK");
    EXPECT_EQ(world.engines[0]->pending(), 0U);
}

TEST(engine, queues_of_other_shards) {
    rig world(3);
    std::vector<test_queue> queues;
    for (std::uint64_t client = 1; client <= 6; ++client) queues.push_back(test_queue::make(world, client));
    EXPECT_EQ(world.forwarded, 0U) << "a new queue belongs to the shard of its connection";
    for (std::uint64_t i = 0; i < queues.size(); ++i) {
        const auto recipient = std::to_string(i + 1);
        EXPECT_EQ(queues[i].secure(world, 7), "7:OK");
        EXPECT_EQ(queues[i].send_secured(world, 7, "hi"), "7:OK, " + recipient + ":! MSG hi");
        EXPECT_EQ(queues[i].sub(world, 10 + i), recipient + ":! END, " + std::to_string(10 + i) + ":SOK, " +
                                                    std::to_string(10 + i) + ":! MSG hi");
    }
    EXPECT_GT(world.forwarded, 0U);
}

TEST(engine, the_cache_forgets_what_is_not_used) {
    rig world;
    world.own.cached_bytes = 2'000;
    std::vector<test_queue> queues;
    for (int i = 0; i < 6; ++i) queues.push_back(test_queue::make(world, 1));
    for (auto& queue : queues) EXPECT_EQ(queue.send(world, 2, "x"), "2:OK, 1:! MSG x");
    for (auto& queue : queues) EXPECT_EQ(queue.ack(world, 1), "1:OK");
}

TEST(engine, subscriptions_of_a_connection_are_bounded) {
    rig world;
    world.own.most_subscriptions = 2;
    auto one = test_queue::make(world, 9, queue_mode::messaging, false);
    auto two = test_queue::make(world, 9, queue_mode::messaging, false);
    auto three = test_queue::make(world, 9, queue_mode::messaging, false);
    EXPECT_EQ(one.sub(world, 1), "1:SOK");
    EXPECT_EQ(two.sub(world, 1), "1:SOK");
    EXPECT_EQ(three.sub(world, 1), "1:ERR CMD PROHIBITED");
    EXPECT_EQ(one.sub(world, 2), "1:! END, 2:SOK");
    EXPECT_EQ(three.sub(world, 1), "1:SOK");
}

TEST(engine, a_suspended_queue_expires) {
    rig world;
    const auto off = test_queue::make(world, 1);
    const auto used = test_queue::make(world, 1);
    EXPECT_EQ(world.tell(1, cmd::off{}, off.recipient_id, &off.recipient), "1:OK");
    for (const auto* each : {&off, &used})
        world.engines[0]->expire_suspended(to_identifier(each->recipient_id).value());
    world.store.run();
    EXPECT_EQ(world.take(), "1:! DELD");
    EXPECT_EQ(world.tell(1, cmd::que{}, off.recipient_id, &off.recipient), "1:ERR AUTH");
    EXPECT_EQ(world.tell(1, cmd::que{}, used.recipient_id, &used.recipient), "1:INFO");
}

TEST(engine, messages_expire_by_the_clock_that_does_not_jump) {
    rig world;
    world.expiry_now = world.now;
    auto queue = test_queue::make(world, 1, smp::queue_mode::messaging, false);
    EXPECT_EQ(queue.send(world, 2, "kept"), "2:OK");
    world.now += 365 * 86'400;
    world.engines[0]->expire(to_identifier(queue.recipient_id).value());
    world.store.run();
    EXPECT_EQ(queue.sub(world, 1), "1:SOK, 1:! MSG kept");
}

TEST(engine, keys_of_a_queue_are_bounded) {
    rig world;
    const auto queue = test_queue::make(world, 1, smp::queue_mode::contact);
    cmd::rkey more;
    for (std::size_t i = 0; i < most_recipient_keys; ++i)
        more.keys.push_back(
            crypto::private_key::generate(crypto::key_type::ed25519, world.random).public_part());
    auto too_many = more;
    too_many.keys.push_back(queue.recipient.public_part());
    EXPECT_EQ(world.tell(1, too_many, queue.recipient_id, &queue.recipient), "1:ERR CMD PROHIBITED");
    EXPECT_EQ(world.tell(1, more, queue.recipient_id, &queue.recipient), "1:OK");
}

TEST(engine, knows_who_is_subscribed) {
    rig world;
    const connection_id first{0, 1};
    EXPECT_FALSE(world.engines[0]->is_used_by(first));
    auto queue = test_queue::make(world, 1);
    EXPECT_TRUE(world.engines[0]->is_used_by(first));
    EXPECT_EQ(queue.sub(world, 2), "1:! END, 2:SOK");
    EXPECT_FALSE(world.engines[0]->is_used_by(first));
}

} // namespace
} // namespace plexus::smp_server::test
