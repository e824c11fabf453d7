#include "helpers.hpp"

#include "plexus/agent/message.hpp"

namespace plexus::test {
namespace {

agent::queue_reference reference(const boost::json::object& v) {
    return {server(text_field(v, "server")), hex_field(v, "senderId")};
}
agent::queue_reference address_of(const boost::json::object& v) {
    return reference(v.at("address").as_object());
}

agent::queue_info info_of(bytes_view binary) {
    encoding::reader in(binary);
    return agent::read_queue_info(in);
}

agent::message_content content_of(const boost::json::object& v) {
    const auto name = text_field(v, "name");
    if (name == "HELLO") return agent::hello{};
    if (name == "A_MSG") return agent::user_message{hex_field(v, "body")};
    if (name == "A_RCVD") {
        agent::receipts out;
        for (const auto& item : v.at("receipts").as_array()) {
            const auto& r = item.as_object();
            out.list.push_back({int_field(r, "agentMsgId"), hex_field(r, "msgHash"), hex_field(r, "info")});
        }
        return out;
    }
    if (name == "A_QCONT") return agent::queue_continue{address_of(v)};
    if (name == "QADD") {
        agent::queue_add::item item;
        item.queue = agent::parse_queue_uri(text_field(v, "queue")).value();
        if (!is_null(v, "replaces")) item.replaces = reference(v.at("replaces").as_object());
        return agent::queue_add{{item}};
    }
    if (name == "QKEY")
        return agent::queue_key{{{info_of(hex_field(v, "queueInfo")), key_from_spki(text_field(v, "key"))}}};
    if (name == "QUSE") return agent::queue_use{{{address_of(v), v.at("primary").as_bool()}}};
    if (name == "QTEST") return agent::queue_test{{address_of(v)}};
    EXPECT_EQ(name, "EREADY");
    return agent::ratchet_ready{int_field(v, "lastDecryptedMsgId")};
}

agent::agent_message message_of(const boost::json::object& v) {
    const auto name = text_field(v, "name");
    if (name == "AgentConnInfo") return agent::connection_info{hex_field(v, "info")};
    if (name == "AgentRatchetInfo") return agent::ratchet_info{hex_field(v, "info")};
    if (name == "AgentConnInfoReply") {
        agent::connection_info_reply out;
        for (const auto& queue : v.at("queues").as_array())
            out.queues.push_back(info_of(unhex(queue.as_string())));
        out.info = hex_field(v, "info");
        return out;
    }
    return agent::numbered_message{int_field(v, "sndMsgId"), hex_field(v, "prevMsgHash"), content_of(v)};
}

TEST(agent_message, encode_and_parse_as_the_official_library_does) {
    for (const auto& v : vectors(agent_file, "agentMessage")) {
        const auto binary = hex_field(v, "smp");
        const auto expected = message_of(v);
        EXPECT_EQ(hex(agent::encode(expected)), hex(binary)) << text_field(v, "name");
        EXPECT_EQ(hex(crypto::sha256(binary)), text_field(v, "sha256"));
        const auto parsed = agent::parse_agent_message(binary);
        ASSERT_TRUE(parsed) << text_field(v, "name");
        // A queue mode is not in the binary form of every version; what is encoded again is what was read.
        EXPECT_EQ(hex(agent::encode(*parsed)), hex(binary));
        EXPECT_EQ(parsed->index(), expected.index());
    }
}

TEST(agent_message, values_survive_a_round_trip) {
    for (const auto& v : vectors(agent_file, "agentMessage")) {
        const auto parsed = agent::parse_agent_message(hex_field(v, "smp")).value();
        EXPECT_EQ(agent::parse_agent_message(agent::encode(parsed)).value(), parsed);
    }
}

TEST(agent_message, truncated_and_unknown_messages_are_refused) {
    for (const auto& v : vectors(agent_file, "agentMessage")) {
        const auto name = text_field(v, "name");
        // These end with a tail of any length.
        if (name == "A_MSG" || name.starts_with("Agent")) continue;
        const auto binary = hex_field(v, "smp");
        // A queue's mode at the very end may be absent.
        const auto optional_end = name == "QADD" ? 1U : 0U;
        for (std::size_t size = 0; size + optional_end < binary.size(); ++size)
            EXPECT_FALSE(agent::parse_agent_message(bytes_view(binary).first(size))) << name << size;
        auto longer = binary;
        longer.push_back('x');
        EXPECT_FALSE(agent::parse_agent_message(longer)) << name;
    }
    EXPECT_FALSE(agent::parse_agent_message({}));
    EXPECT_FALSE(agent::parse_agent_message(as_bytes("X")));
}

TEST(agent_message, the_chain_tells_what_is_missing) {
    agent::message_chain chain;
    chain.add(1, as_bytes("confirmation"));
    const auto hash = chain.last_hash;
    EXPECT_EQ(agent::check(chain, {2, hash, agent::hello{}}), agent::integrity::ok);
    EXPECT_EQ(agent::check(chain, {2, {}, agent::hello{}}), agent::integrity::bad_hash);
    EXPECT_EQ(agent::check(chain, {3, hash, agent::hello{}}), agent::integrity::skipped);
    EXPECT_EQ(agent::check(chain, {1, hash, agent::hello{}}), agent::integrity::duplicate);
    EXPECT_EQ(agent::check(chain, {0, hash, agent::hello{}}), agent::integrity::bad_id);
}

} // namespace
} // namespace plexus::test
