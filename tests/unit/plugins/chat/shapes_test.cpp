// Answers and events have the shapes of the official bot API: the same members, of the same types.
#include "chat_world.hpp"

#include "vectors.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace plexus::test {
namespace {

/// What official clients have and this one has no use for yet, and what is there only sometimes.
const std::set<std::string, std::less<>> optional_members = {
    "peerType", "preferences", "pqSndEnabled", "pqRcvEnabled", "userMemberProfileUpdatedAt", "shortDescr",
    "contactVerifiedAt", "formattedText", "quotedItem", "itemTimed", "itemLive", "sentViaProxy",
    "connShortLink", "connLinkInv", "ttl", "agentConnId", "connectionCode",
    // What this one says beyond it.
    "plexus"};

std::string kind_name(const json::value& value) {
    if (value.is_number()) return "number";
    return std::string(json::to_string(value.kind()));
}

void compare(const json::value& ours, const json::value& official, const std::string& where) {
    ASSERT_EQ(kind_name(ours), kind_name(official)) << where;
    if (official.is_object()) {
        // What the contact was given differently than everybody, and alternatives that happen to be others.
        if (where.ends_with("userPreferences")) return;
        if (where.ends_with("itemStatus") && text_at(ours, "/type") != text_at(official, "/type")) return;
        for (const auto& [key, value] : official.get_object()) {
            const auto* own = ours.get_object().if_contains(key);
            if (own == nullptr) {
                EXPECT_TRUE(optional_members.contains(key)) << where << "." << key << " is missing";
                continue;
            }
            compare(*own, value, where + "." + std::string(key));
        }
        for (const auto& [key, value] : ours.get_object())
            EXPECT_TRUE(official.get_object().contains(key) || optional_members.contains(key))
                << where << "." << key << " is not in the official one";
    } else if (official.is_array() && !official.get_array().empty() && !ours.get_array().empty()) {
        compare(ours.get_array().front(), official.get_array().front(), where + "[0]");
    }
}

/// Official answers and events of a type, in their order.
std::vector<json::object> official(std::string_view type) {
    std::vector<json::object> out;
    for (const auto& vector : vectors("api.json", "exchange")) {
        const auto add = [&](const json::value& value) {
            if (value.is_object() && value.get_object().at("type").as_string() == type)
                out.push_back(value.get_object());
        };
        if (const auto* answer = vector.if_contains("resp")) add(*answer);
        if (const auto* events = vector.if_contains("events"); events != nullptr && events->is_object())
            for (const auto& [client, list] : events->get_object())
                for (const auto& one : list.as_array()) add(one);
    }
    return out;
}

class chat_shapes : public testing::Test {
  protected:
    chat_shapes() : world(testing::UnitTest::GetInstance()->current_test_info()->name()) {
        world.make_contact();
    }

    /// `same` names a member by which the official one is found, for example what kind of item it is.
    void expect_official(const json::object& ours, std::string_view same = "/type") {
        const auto type = text_at(ours, "/type");
        for (const auto& known : official(type)) {
            if (text_at(known, same) != text_at(ours, same)) continue;
            compare(ours, known, type);
            return;
        }
        ADD_FAILURE() << "no official " << type << " with " << text_at(ours, same);
    }
    void receive(std::string_view body) { world.tell_message(1, ++sequence, body); }

    chat_world world;
    std::uint64_t sequence = 1000;
};

TEST_F(chat_shapes, users) {
    expect_official(world.command("/u"));
    expect_official(world.command("/users"));
    expect_official(world.command("/_start"));
}

TEST_F(chat_shapes, links_and_contacts) {
    expect_official(world.command("/_connect 1"));
    std::string other_link = invitation_link;
    other_link.replace(other_link.find("example.com"), 11, "example.org");
    expect_official(world.command("/_connect 1 " + other_link));
    world.tell(PLEXUS_AGENT_INFO, 3, 0,
               R"({"v":"1-16","event":"x.info","params":{"profile":{"displayName":"eve","fullName":""}}})",
               ++sequence);
    expect_official(world.event("contactConnecting"));
    world.tell(PLEXUS_AGENT_CONNECTED, 3, 0, {}, ++sequence);
    expect_official(world.event("contactConnected"));
    for (const auto& known : official("contactsList"))
        if (!known.at("contacts").as_array().empty())
            compare(world.command("/_contacts 1"), known, "contactsList");
    expect_official(world.command("/code bob"));
}

constexpr std::string_view item_kind = "/chatItems/0/chatItem/content/type";
constexpr std::string_view item_status = "/chatItems/0/chatItem/meta/itemStatus/type";

TEST_F(chat_shapes, sent_messages) {
    expect_official(
        world.command(R"(/_send @2 json [{"msgContent":{"type":"text","text":"hello *there*"}}])"),
        item_kind);
    world.tell(PLEXUS_AGENT_SENT, 1, 1, {}, ++sequence);
    expect_official(world.event("chatItemsStatusesUpdated"), item_status);
    world.tell(PLEXUS_AGENT_RECEIPT, 1, 1, {}, ++sequence);
    expect_official(world.event("chatItemsStatusesUpdated"), item_status);
}

TEST_F(chat_shapes, received_messages) {
    receive(
        R"({"v":"1-16","msgId":"YQ==","event":"x.msg.new","params":{"content":{"type":"text","text":"hello *there*"}}})");
    const auto plain = world.event("newChatItems");
    expect_official(plain, item_kind);
    receive(
        R"({"v":"1-16","msgId":"Yg==","event":"x.msg.new","params":{"content":{"type":"text","text":"a reply"},"quote":{"msgRef":{"msgId":"YQ==","sentAt":"2025-07-01T10:20:30Z","sent":true},"content":{"type":"text","text":"hello *there*"}}}})");
    const auto reply = world.event("newChatItems");
    for (const auto& known : official("newChatItems"))
        if (text_at(known, "/chatItems/0/chatItem/meta/itemText") == "a reply" &&
            text_at(known, "/chatItems/0/chatItem/chatDir/type") == "directRcv")
            compare(reply, known, "a reply");
    receive(
        R"({"v":"1-16","msgId":"Yw==","event":"x.msg.update","params":{"msgId":"YQ==","content":{"type":"text","text":"hello"}}})");
    expect_official(world.event("chatItemUpdated"), "/chatItem/chatItem/content/type");
    receive(
        R"({"v":"1-16","event":"x.msg.react","params":{"msgId":"YQ==","reaction":{"type":"emoji","emoji":"👍"},"add":true}})");
    expect_official(world.event("chatItemReaction"), "/reaction/chatReaction/chatDir/type");
    receive(R"({"v":"1-16","event":"x.msg.del","params":{"msgId":"YQ=="}})");
    expect_official(world.event("chatItemsDeleted"), "/byUser");
    const auto chat = world.command("/_get chat @2 count=5");
    auto official_chat = official("apiChat").at(0);
    // The first items there are of kinds that are not made here; compare two received texts.
    json::array texts;
    for (const auto& item : official_chat.at("chat").at("chatItems").as_array())
        if (text_at(item, "/content/type") == "rcvMsgContent" ||
            text_at(item, "/content/type") == "sndMsgContent")
            texts.push_back(item);
    official_chat.at("chat").at("chatItems") = texts;
    auto ours = chat;
    ours.at("chat")
        .at("chatItems")
        .as_array()
        .erase(ours.at("chat").at("chatItems").as_array().begin()); // deleted
    compare(ours, official_chat, "apiChat");
}

TEST_F(chat_shapes, contacts_that_change_and_go) {
    receive(
        R"({"v":"1-16","event":"x.info","params":{"profile":{"displayName":"bob","fullName":"Robert"}}})");
    expect_official(world.event("contactUpdated"));
    receive(R"({"v":"1-16","msgId":"YQ==","event":"x.direct.del","params":{}})");
    for (const auto& told : world.events())
        expect_official(told, text_at(told, "/type") == "newChatItems" ? item_kind : "/type");
    expect_official(world.command("/_delete @2 full notify=on"));
}

TEST_F(chat_shapes, the_network) {
    expect_official(world.command("/network"));
    expect_official(world.command("/network timeout=7"));
}

TEST_F(chat_shapes, errors) {
    expect_official(world.command("/_nonsense"), "/chatError/errorType/type");
    expect_official(world.command("/_get chat @99 count=5"), "/chatError/storeError/type");
}

} // namespace
} // namespace plexus::test
