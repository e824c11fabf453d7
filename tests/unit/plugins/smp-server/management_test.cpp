#include "engine_rig.hpp"

namespace plexus::smp_server::test {
namespace {

/// Looks the queue up and changes it; "OK", or the message of the error.
std::string manage(rig& world, const bytes& id, const queue_change& change) {
    std::string out = "nothing came";
    world.engines[0]->look_up(id, [&](const result<std::optional<identifier>>& found) {
        ASSERT_TRUE(found);
        if (!*found) {
            out = "no such id";
            return;
        }
        const auto owner = owner_of(**found, static_cast<std::uint32_t>(world.engines.size()));
        world.engines[owner]->manage(**found, change, [&](const result<void>& outcome) {
            out = outcome ? "OK" : outcome.error().message();
        });
    });
    world.store.run();
    return out;
}

queue_change block(std::string notice = {}) {
    return {queue_change::action::block, smp::blocking_reason::content, std::move(notice)};
}
const queue_change unblock{queue_change::action::unblock, {}, {}};
const queue_change removal{queue_change::action::remove, {}, {}};

TEST(management, a_blocked_queue_answers_why_until_it_is_unblocked) {
    rig world(2);
    world.version = 18;
    auto queue = test_queue::make(world, 1);
    EXPECT_EQ(queue.secure(world, 2), "2:OK");
    EXPECT_EQ(queue.send_secured(world, 2, "before"), "2:OK, 1:! MSG before");
    EXPECT_EQ(manage(world, queue.sender_id, block(R"({"ttl":60})")), "OK");
    EXPECT_EQ(world.take(), R"(1:! ERR BLOCKED reason=content,notice={"ttl":60})");
    EXPECT_EQ(to_string(world.last.message), R"(ERR BLOCKED reason=content,notice={"ttl":60})");

    const std::string blocked = R"(ERR BLOCKED reason=content,notice={"ttl":60})";
    EXPECT_EQ(queue.send_secured(world, 2, "after"), "2:" + blocked);
    EXPECT_EQ(queue.sub(world, 3), "3:" + blocked);
    EXPECT_EQ(queue.ack(world, 1), "1:" + blocked);
    const auto stranger = crypto::private_key::generate(crypto::key_type::ed25519, world.random);
    EXPECT_EQ(world.tell(3, cmd::sub{}, queue.recipient_id, &stranger), "3:ERR AUTH")
        << "only those who may ask are told";

    world.restart();
    EXPECT_EQ(queue.sub(world, 3), "3:" + blocked);
    for (const auto& [version, text] : {std::pair<smp::version, std::string>{11, "ERR AUTH"},
                                        {12, "ERR BLOCKED reason=content"},
                                        {17, "ERR BLOCKED reason=content"}}) {
        world.version = version;
        queue.sub(world, 3);
        EXPECT_EQ(to_string(world.last.message), text) << version;
    }
    EXPECT_EQ(manage(world, queue.recipient_id, unblock), "OK");
    EXPECT_EQ(queue.sub(world, 3), "3:SOK, 3:! MSG before");
    EXPECT_EQ(manage(world, queue.recipient_id, unblock), "OK") << "nothing to do";
}

TEST(management, a_blocked_queue_may_be_suspended_and_deleted) {
    rig world;
    auto queue = test_queue::make(world, 1);
    EXPECT_EQ(manage(world, queue.recipient_id, block()), "OK");
    world.take();
    EXPECT_EQ(world.tell(1, cmd::off{}, queue.recipient_id, &queue.recipient), "1:OK");
    EXPECT_EQ(queue.send(world, 2, "x"), "2:ERR AUTH");
    EXPECT_EQ(world.tell(1, cmd::del{}, queue.recipient_id, &queue.recipient), "1:OK");
}

TEST(management, an_operator_removes_a_queue_and_its_recipient_hears) {
    rig world(2);
    auto queue = test_queue::make(world, 1);
    EXPECT_EQ(queue.send(world, 2, "x"), "2:OK, 1:! MSG x");
    EXPECT_EQ(manage(world, queue.sender_id, removal), "OK");
    EXPECT_EQ(world.take(), "1:! DELD");
    EXPECT_EQ(queue.send(world, 2, "y"), "2:ERR AUTH");
    for (const auto* table : {"smp.queues", "smp.senders", "smp.waiting", "smp.messages"})
        EXPECT_EQ(world.store.rows(table), 0U) << table;
    EXPECT_EQ(manage(world, queue.recipient_id, block()), "there is no such queue");
    EXPECT_EQ(manage(world, queue.sender_id, block()), "there is no such queue")
        << "24 bytes may be a recipient's";
    EXPECT_EQ(manage(world, bytes{1, 2, 3}, block()), "no such id");
}

TEST(management, a_queue_is_found_by_its_link) {
    rig world;
    const bytes fixed{1};
    const bytes user{2};
    auto queue = test_queue::make(world, 1, smp::queue_mode::messaging, true, smp::link_data{fixed, user});
    EXPECT_EQ(manage(world, queue.link_id, block()), "OK");
    EXPECT_EQ(world.take(), "1:! ERR BLOCKED reason=content");
}

} // namespace
} // namespace plexus::smp_server::test
