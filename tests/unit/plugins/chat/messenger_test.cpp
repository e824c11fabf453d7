#include "chat_world.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

namespace plexus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string fresh_image() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    return std::string(info->test_suite_name()) + "." + info->name();
}

std::string message_text(std::string_view id, std::string_view text) {
    return R"({"v":"1-16","msgId":")" + std::string(id) +
           R"(","event":"x.msg.new","params":{"content":{"type":"text","text":")" + std::string(text) +
           "\"}}}";
}

std::vector<std::string> shown(const json::object& answer) {
    std::vector<std::string> out;
    for (const auto& one : answer.at("chatItems").as_array())
        out.push_back(text_at(one, "/chatItem/chatDir/type") + " " + text_at(one, "/chatItem/meta/itemText") +
                      " " + text_at(one, "/chatItem/meta/itemStatus/type"));
    return out;
}

TEST(messenger, needs_a_user_first) {
    chat_world world(fresh_image());
    ASSERT_EQ(world.failure(), "");
    EXPECT_EQ(text_at(world.command("/contacts"), "/chatError/errorType/type"), "noActiveUser");
    EXPECT_EQ(text_at(world.command("/create user ann Ann Lee"), "/user/profile/fullName"), "Ann Lee");
    EXPECT_EQ(text_at(world.command("/u"), "/user/localDisplayName"), "ann");
    EXPECT_EQ(text_at(world.command("/create user bob"), "/chatError/errorType/type"), "userExists");
}

TEST(messenger, says_that_messages_do_not_disappear) {
    chat_world world(fresh_image());
    world.command("/create user ann");
    EXPECT_EQ(text_at(world.command("/u"), "/user/fullPreferences/timedMessages/allow"), "no");
}

TEST(messenger, keeps_what_a_profile_says_of_its_own) {
    chat_world world(fresh_image());
    world.command(R"(/_create user {"profile":{"displayName":"bob","fullName":"",)"
                  R"("preferences":{"timedMessages":{"allow":"always"},"voice":{"allow":"no"}}}})");
    EXPECT_EQ(text_at(world.command("/u"), "/user/fullPreferences/timedMessages/allow"), "always");
    EXPECT_EQ(text_at(world.command("/u"), "/user/fullPreferences/voice/allow"), "no");
}

TEST(messenger, the_user_is_there_after_a_restart) {
    const auto image = fresh_image();
    { chat_world(image).command("/_create user {\"profile\":{\"displayName\":\"ann\",\"fullName\":\"\"}}"); }
    chat_world again(image);
    EXPECT_EQ(text_at(again.command("/u"), "/user/localDisplayName"), "ann");
}

TEST(messenger, makes_a_link_and_takes_who_joins) {
    chat_world world(fresh_image());
    world.command("/create user ann");
    const auto link = world.command("/c");
    EXPECT_EQ(text_at(link, "/type"), "invitation");
    EXPECT_EQ(text_at(link, "/connLinkInvitation/connShortLink"), short_invitation_link);
    EXPECT_EQ(
        world.agent().last_user_data,
        R"({"profile":{"displayName":"ann","fullName":"","preferences":{"timedMessages":{"allow":"no"}}},)"
        R"("business":false})");
    world.tell(PLEXUS_AGENT_CONFIRMATION, 1, 7,
               R"({"v":"1-16","event":"x.info","params":{"profile":{"displayName":"bob","fullName":""}}})",
               1);
    EXPECT_EQ(text_at(world.event("contactConnecting"), "/contact/localDisplayName"), "bob");
    EXPECT_THAT(world.agent().calls, ElementsAre("create", "allow 1 7"));
    EXPECT_EQ(world.agent().last_info,
              R"({"event":"x.info","params":{"profile":{"displayName":"ann","fullName":"",)"
              R"("preferences":{"timedMessages":{"allow":"no"}}}},"v":"1-16"})");
    world.tell(PLEXUS_AGENT_CONNECTED, 1, 0, {}, 2);
    EXPECT_EQ(text_at(world.event("contactConnected"), "/contact/activeConn/connStatus"), "ready");
    EXPECT_THAT(world.agent().acknowledged, ElementsAre(1, 2));
}

TEST(messenger, answers_a_confirmation_that_a_crash_left_unanswered) {
    const auto image = fresh_image();
    constexpr std::string_view info =
        R"({"v":"1-16","event":"x.info","params":{"profile":{"displayName":"bob","fullName":""}}})";
    {
        chat_world world(image);
        world.command("/create user ann");
        world.command("/c");
        world.tell(PLEXUS_AGENT_CONFIRMATION, 1, 7, info, 1);
    }
    chat_world again(image);
    again.tell(PLEXUS_AGENT_CONFIRMATION, 1, 7, info, 1);
    EXPECT_THAT(again.agent().calls, ElementsAre("allow 1 7"));
    EXPECT_THAT(again.agent().acknowledged, ElementsAre(1));
    EXPECT_EQ(again.command("/contacts").at("contacts").as_array().size(), 1U);
}

TEST(messenger, a_joiner_without_a_profile_makes_no_contact) {
    chat_world world(fresh_image());
    world.command("/create user ann");
    world.command("/c");
    world.tell(PLEXUS_AGENT_CONFIRMATION, 1, 7, R"({"v":"1-16","event":"x.ok","params":{}})", 1);
    EXPECT_THAT(world.agent().calls, ElementsAre("create", "remove 1"));
    EXPECT_TRUE(world.command("/contacts").at("contacts").as_array().empty());
}

TEST(messenger, joins_by_full_and_short_links) {
    chat_world world(fresh_image());
    world.command("/create user ann");
    const auto joined = world.command(std::string("/c ") + short_invitation_link);
    EXPECT_EQ(text_at(joined, "/type"), "sentConfirmation");
    EXPECT_THAT(world.agent().last_info, HasSubstr("x.info"));
    world.tell(PLEXUS_AGENT_JOINED, 1, 0, {}, 1);
    EXPECT_EQ(text_at(world.event("confirmationSent"), "/connection/pccConnStatus"), "joined");
    world.tell(PLEXUS_AGENT_INFO, 1, 0,
               R"({"v":"1-16","event":"x.info","params":{"profile":{"displayName":"bob","fullName":""}}})",
               2);
    world.tell(PLEXUS_AGENT_CONNECTED, 1, 0, {}, 3);
    EXPECT_EQ(text_at(world.event("contactConnected"), "/contact/localDisplayName"), "bob");
    EXPECT_EQ(text_at(world.command(std::string("/connect ") + invitation_link), "/type"),
              "sentConfirmation");
}

TEST(messenger, says_what_is_wrong_with_a_link) {
    chat_world world(fresh_image());
    world.command("/create user ann");
    EXPECT_THAT(text_at(world.command("/c https://example.com"), "/chatError/errorType/message"),
                HasSubstr("no SimpleX link"));
    const auto mended = [&](const std::string& command) {
        return text_at(world.command(command), "/chatError/errorType/message");
    };
    EXPECT_THAT(mended("/c smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@localhost"),
                HasSubstr("-s gives"));
    EXPECT_THAT(mended(invitation_link), HasSubstr("write /c and the link"));
    EXPECT_THAT(mended(short_invitation_link), HasSubstr("write /c and the link"));
    EXPECT_THAT(mended("/q"), HasSubstr("at its terminal"));
    EXPECT_TRUE(world.agent().calls.empty());
    world.command("/c");
    EXPECT_THAT(
        text_at(world.command(std::string("/c ") + short_invitation_link), "/chatError/errorType/message"),
        HasSubstr("your own"));
    world.agent().join_status = PLEXUS_E_NOT_FOUND;
    EXPECT_EQ(text_at(world.command(std::string("/c ") + invitation_link), "/chatError/errorType/message"),
              "this is your own invitation link; send it to the person who shall join");
}

TEST(messenger, sends_and_follows_the_status) {
    chat_world world(fresh_image());
    world.make_contact();
    const auto answer = world.command("@bob hello *there*");
    EXPECT_EQ(text_at(answer, "/chatItems/0/chatItem/meta/itemStatus/type"), "sndNew");
    EXPECT_EQ(text_at(answer, "/chatItems/0/chatItem/formattedText/1/format/type"), "bold");
    ASSERT_EQ(world.agent().sent.size(), 1U);
    EXPECT_THAT(world.agent().sent[0].body, HasSubstr(R"("content":{"text":"hello *there*","type":"text"})"));
    EXPECT_THAT(world.agent().sent[0].body,
                HasSubstr(text_at(answer, "/chatItems/0/chatItem/meta/itemSharedMsgId")));
    world.tell(PLEXUS_AGENT_SENT, 1, world.agent().sent[0].id, {}, 3);
    EXPECT_EQ(text_at(world.event("chatItemsStatusesUpdated"), "/chatItems/0/chatItem/meta/itemStatus/type"),
              "sndSent");
    world.tell(PLEXUS_AGENT_RECEIPT, 1, world.agent().sent[0].id, {}, 4);
    EXPECT_EQ(text_at(world.event("chatItemsStatusesUpdated"), "/chatItems/0/chatItem/meta/itemStatus/type"),
              "sndRcvd");
    EXPECT_THAT(shown(world.command("/tail @bob")), ElementsAre("directSnd hello *there* sndRcvd"));
}

TEST(messenger, many_messages_keep_their_order) {
    chat_world world(fresh_image());
    world.make_contact();
    for (int i = 0; i < 20; ++i) world.command("@bob " + std::to_string(i));
    ASSERT_EQ(world.agent().sent.size(), 20U);
    for (int i = 0; i < 20; ++i)
        EXPECT_THAT(world.agent().sent[static_cast<std::size_t>(i)].body,
                    HasSubstr("\"text\":\"" + std::to_string(i) + "\""));
    EXPECT_THAT(shown(world.command("/tail @bob 2")),
                ElementsAre("directSnd 18 sndNew", "directSnd 19 sndNew"));
}

TEST(messenger, a_refused_message_is_marked) {
    chat_world world(fresh_image());
    world.make_contact();
    world.agent().send_status = PLEXUS_E_FULL;
    world.command("@bob hello");
    EXPECT_EQ(text_at(world.event("chatItemsStatusesUpdated"), "/chatItems/0/chatItem/meta/itemStatus/type"),
              "sndError");
    world.agent().send_status = PLEXUS_OK;
    world.command("@bob again");
    world.tell(PLEXUS_AGENT_SEND_FAILED, 1, world.agent().sent[1].id, {}, 3);
    EXPECT_THAT(shown(world.command("/tail")),
                ElementsAre("directSnd hello sndError", "directSnd again sndError"));
}

TEST(messenger, a_message_too_long_for_one_block_is_refused) {
    chat_world world(fresh_image());
    world.make_contact();
    EXPECT_THAT(text_at(world.command("@bob " + std::string(16000, 'a')), "/chatError/errorType/message"),
                HasSubstr("15602"));
    EXPECT_TRUE(world.agent().sent.empty());
}

TEST(messenger, who_is_not_ready_gets_nothing) {
    chat_world world(fresh_image());
    world.make_contact();
    EXPECT_EQ(text_at(world.command("@eve hello"), "/chatError/storeError/contactName"), "eve");
    world.tell_message(1, 3, R"({"v":"1-16","event":"x.direct.del","params":{}})");
    EXPECT_EQ(text_at(world.command("@bob hello"), "/chatError/errorType/type"), "contactNotActive");
}

TEST(messenger, a_send_that_a_crash_cut_is_settled_by_the_agent) {
    const auto image = fresh_image();
    std::uint64_t last_tag = 0;
    {
        chat_world world(image);
        world.make_contact();
        world.agent().holds_sends = true;
        world.command("@bob one");
        world.command("@bob two");
        last_tag = world.agent().last_tag;
    }
    chat_world again(image, {}, last_tag);
    EXPECT_THAT(again.agent().sent, IsEmpty()); // offered again, and known
    EXPECT_THAT(again.agent().calls, ElementsAre("send 1", "send 1"));
    again.tell(PLEXUS_AGENT_SENT, 1, 1, {}, 10, 0, last_tag - 1);
    EXPECT_THAT(shown(again.command("/tail")), ElementsAre("directSnd one sndSent", "directSnd two sndNew"));
    again.tell(PLEXUS_AGENT_RECEIPT, 1, 2, {}, 11, 0, last_tag); // before the server's OK
    again.tell(PLEXUS_AGENT_SENT, 1, 2, {}, 12, 0, last_tag);
    again.tell(PLEXUS_AGENT_RECEIPT, 1, 1, {}, 13);
    EXPECT_THAT(shown(again.command("/tail")), ElementsAre("directSnd one sndRcvd", "directSnd two sndRcvd"));
}

TEST(messenger, a_send_that_never_reached_the_agent_is_sent_after_the_restart) {
    const auto image = fresh_image();
    std::uint64_t last_tag = 0;
    {
        chat_world world(image);
        world.make_contact();
        world.command("@bob before");
        world.tell(PLEXUS_AGENT_SENT, 1, 1, {}, 10);
        last_tag = world.agent().last_tag;
        world.agent().holds_sends = world.agent().loses_sends = true;
        world.command("@bob cut");
        world.command("@bob cut too");
    }
    {
        chat_world again(image, {}, last_tag);
        again.command("@bob after");
        std::vector<std::string> texts;
        for (const auto& one : again.agent().sent)
            texts.push_back(text_at(json::parse(one.body), "/params/content/text"));
        EXPECT_THAT(texts, ElementsAre("cut", "cut too", "after"));
        EXPECT_THAT(shown(again.command("/tail")),
                    ElementsAre("directSnd before sndSent", "directSnd cut sndNew",
                                "directSnd cut too sndNew", "directSnd after sndNew"));
        again.tell(PLEXUS_AGENT_SENT, 1, 1, {}, 11, 0, last_tag + 1);
        EXPECT_EQ(shown(again.command("/tail")).at(1), "directSnd cut sndSent");
    }
    // What the agent took is not offered a second time.
    EXPECT_THAT(chat_world(image, {}, last_tag + 3).agent().calls, IsEmpty());
}

TEST(messenger, receives_and_keeps) {
    const auto image = fresh_image();
    {
        chat_world world(image);
        world.make_contact();
        world.tell_message(1, 3, message_text("YQ==", "hi"));
        EXPECT_EQ(text_at(world.event("newChatItems"), "/chatItems/0/chatItem/content/msgContent/text"),
                  "hi");
        EXPECT_THAT(world.agent().acknowledged, ElementsAre(1, 2, 3));
    }
    chat_world again(image);
    EXPECT_THAT(shown(again.command("/tail @bob")), ElementsAre("directRcv hi rcvNew"));
    // The program died before the agent had written down the acknowledgement.
    again.tell_message(1, 3, message_text("YQ==", "hi"));
    EXPECT_TRUE(again.events().empty());
    EXPECT_THAT(again.agent().acknowledged, ElementsAre(3));
    EXPECT_THAT(shown(again.command("/tail @bob")), ElementsAre("directRcv hi rcvNew"));
}

TEST(messenger, one_shared_id_is_one_message) {
    chat_world world(fresh_image());
    world.make_contact();
    world.tell_message(1, 3, message_text("YQ==", "hi"));
    world.tell_message(1, 4, message_text("YQ==", "hi"));
    EXPECT_EQ(world.events().size(), 1U);
    EXPECT_THAT(world.agent().acknowledged, ElementsAre(1, 2, 3, 4));
}

TEST(messenger, batches_bring_several_messages) {
    chat_world world(fresh_image());
    world.make_contact();
    world.tell_message(
        1, 3, "[" + message_text("YQ==", "one") + ",{\"event\":1}," + message_text("Yg==", "two") + "]");
    EXPECT_THAT(shown(world.command("/tail")), ElementsAre("directRcv one rcvNew", "directRcv two rcvNew"));
}

TEST(messenger, edits_deletions_and_reactions_change_the_history) {
    chat_world world(fresh_image());
    world.make_contact();
    world.tell_message(1, 3, message_text("YQ==", "helo"));
    world.events();
    world.tell_message(
        1, 4,
        R"({"v":"1-16","event":"x.msg.update","params":{"msgId":"YQ==","content":{"type":"text","text":"hello"}}})");
    const auto edited = world.event("chatItemUpdated");
    EXPECT_EQ(text_at(edited, "/chatItem/chatItem/meta/itemText"), "hello");
    EXPECT_EQ(text_at(edited, "/chatItem/chatItem/meta/itemEdited"), "true");
    world.command("@bob mine");
    const auto mine = text_at(world.command("/tail 1"), "/chatItems/0/chatItem/meta/itemSharedMsgId");
    world.events();
    const auto react = [&mine](bool add) {
        return R"({"v":"1-16","event":"x.msg.react","params":{"msgId":")" + mine +
               R"(","reaction":{"type":"emoji","emoji":"👍"},"add":)" + (add ? "true" : "false") + "}}";
    };
    world.tell_message(1, 5, react(true));
    const auto reaction = world.event("chatItemReaction");
    EXPECT_EQ(text_at(reaction, "/reaction/chatReaction/chatItem/reactions/0/totalReacted"), "1");
    EXPECT_EQ(text_at(reaction, "/reaction/chatReaction/chatItem/reactions/0/peerReacted"),
              "nothing at /reaction/chatReaction/chatItem/reactions/0/peerReacted");
    world.tell_message(1, 6, react(true));
    EXPECT_TRUE(world.events().empty());
    world.tell_message(1, 7, react(false));
    EXPECT_EQ(text_at(world.event("chatItemReaction"), "/reaction/chatReaction/chatItem/reactions"), "[]");
    world.tell_message(1, 8, R"({"v":"1-16","event":"x.msg.del","params":{"msgId":"YQ=="}})");
    EXPECT_EQ(text_at(world.event("chatItemsDeleted"),
                      "/chatItemDeletions/0/toChatItem/chatItem/meta/itemDeleted/type"),
              "deleted");
    // A peer cannot touch what is not theirs.
    world.tell_message(1, 9, R"({"v":"1-16","event":"x.msg.del","params":{"msgId":")" + mine + "\"}}");
    EXPECT_TRUE(world.events().empty());
}

TEST(messenger, a_reply_shows_what_it_answers) {
    chat_world world(fresh_image());
    world.make_contact();
    world.command("@bob question");
    const auto asked = world.command("/tail 1");
    const auto shared = text_at(asked, "/chatItems/0/chatItem/meta/itemSharedMsgId");
    world.tell_message(
        1, 3,
        R"({"v":"1-16","event":"x.msg.new","params":{"content":{"type":"text","text":"answer"},"quote":{"msgRef":{"msgId":")" +
            shared +
            R"(","sentAt":"2025-07-01T10:20:30Z","sent":false},"content":{"type":"text","text":"question"}}}})");
    const auto told = world.event("newChatItems");
    EXPECT_EQ(text_at(told, "/chatItems/0/chatItem/quotedItem/chatDir/type"), "directSnd");
    EXPECT_EQ(text_at(told, "/chatItems/0/chatItem/quotedItem/itemId"),
              text_at(asked, "/chatItems/0/chatItem/meta/itemId"));
}

TEST(messenger, profiles_change_and_probes_are_skipped) {
    chat_world world(fresh_image());
    world.make_contact();
    world.tell_message(1, 3, R"({"v":"1-16","event":"x.info.probe","params":{"probe":"YWJj"}})");
    world.tell_message(1, 4, R"({"v":"1-16","event":"x.future","params":{}})");
    world.tell_message(1, 5, "\xFF\xFE");
    EXPECT_TRUE(world.events().empty());
    EXPECT_TRUE(world.agent().sent.empty());
    EXPECT_THAT(world.agent().acknowledged, ElementsAre(1, 2, 3, 4, 5));
    world.tell_message(
        1, 6,
        R"({"v":"1-16","event":"x.info","params":{"profile":{"displayName":"bobby","fullName":"Bob B"}}})");
    const auto updated = world.event("contactUpdated");
    EXPECT_EQ(text_at(updated, "/fromContact/localDisplayName"), "bob");
    EXPECT_EQ(text_at(updated, "/toContact/localDisplayName"), "bobby");
    world.command("@bobby hello");
    EXPECT_EQ(world.agent().sent.size(), 1U);
}

TEST(messenger, what_it_cannot_take_is_in_the_history) {
    chat_world world(fresh_image());
    world.make_contact();
    world.tell_message(
        1, 3,
        R"({"v":"1-16","msgId":"AAAA","event":"x.msg.new","params":{"content":{"type":"file","text":""},"file":{"fileName":"a.txt","fileSize":1100}}})");
    const auto told = world.event("newChatItems");
    EXPECT_EQ(text_at(told, "/chatItems/0/chatItem/file/fileName"), "a.txt");
    EXPECT_EQ(text_at(told, "/chatItems/0/chatItem/file/fileSize"), "1100");
    EXPECT_EQ(text_at(told, "/chatItems/0/chatItem/file/fileStatus/type"), "rcvInvitation");
    world.tell_message(1, 4,
                       R"({"v":"1-16","event":"x.grp.inv","params":{"groupInvitation":)"
                       R"({"fromMember":{"memberId":"AAAA","memberRole":"owner"},)"
                       R"("invitedMember":{"memberId":"AQID","memberRole":"member"},"connRequest":")" +
                           std::string(invitation_link) +
                           R"(","groupProfile":{"displayName":"team","fullName":""}}}})");
    const auto invited = world.event("newChatItems");
    EXPECT_EQ(text_at(invited, "/chatItems/0/chatItem/meta/itemText"),
              "received invitation to join group team as member");
    EXPECT_EQ(text_at(invited, "/chatItems/0/chatItem/content/groupInvitation/groupProfile/displayName"),
              "team");
    world.tell_message(
        1, 5,
        R"({"v":"1-16","event":"x.call.inv","params":{"callId":"AAAA","invitation":{"callType":{"media":"audio","capabilities":{"encryption":false}}}}})");
    EXPECT_EQ(text_at(world.event("newChatItems"), "/chatItems/0/chatItem/meta/itemText"),
              "incoming call: missed");
}

TEST(messenger, gaps_in_a_conversation_are_shown) {
    chat_world world(fresh_image());
    world.make_contact();
    world.tell(PLEXUS_AGENT_MESSAGE, 1, 9, message_text("YQ==", "hi"), 3, PLEXUS_INTEGRITY_SKIPPED);
    EXPECT_THAT(shown(world.command("/tail")),
                ElementsAre("directRcv messages were skipped rcvNew", "directRcv hi rcvNew"));
}

TEST(messenger, deletes_a_contact_and_tells_them) {
    const auto image = fresh_image();
    {
        chat_world world(image);
        world.make_contact();
        world.tell_message(1, 3, message_text("YQ==", "hi"));
        world.agent().calls.clear();
        EXPECT_EQ(text_at(world.command("/delete @bob"), "/type"), "contactDeleted");
        ASSERT_EQ(world.agent().sent.size(), 1U);
        EXPECT_THAT(world.agent().sent[0].body, HasSubstr(R"("event":"x.direct.del")"));
        EXPECT_THAT(world.agent().calls, ElementsAre("send 1", "remove 1 wait"));
        EXPECT_EQ(text_at(world.command("/delete bob"), "/chatError/storeError/type"),
                  "contactNotFoundByName");
    }
    chat_world again(image);
    EXPECT_TRUE(again.command("/contacts").at("contacts").as_array().empty());
    EXPECT_TRUE(again.command("/tail").at("chatItems").as_array().empty());
    EXPECT_TRUE(again.agent().calls.empty());
}

TEST(messenger, a_deletion_that_a_crash_cut_goes_on) {
    const auto image = fresh_image();
    {
        chat_world world(image);
        world.make_contact();
        world.agent().holds_sends = true;
        world.command("/delete bob");
    }
    chat_world again(image);
    EXPECT_THAT(again.agent().calls, ElementsAre("send 1", "remove 1 wait"));
}

TEST(messenger, a_contact_who_deletes_us_stays_in_the_history) {
    chat_world world(fresh_image());
    world.make_contact();
    world.agent().calls.clear();
    world.tell_message(1, 3, R"({"v":"1-16","event":"x.direct.del","params":{}})");
    EXPECT_EQ(text_at(world.event("contactDeletedByContact"), "/contact/contactStatus"), "deleted");
    EXPECT_THAT(world.agent().calls, ElementsAre("remove 1"));
    EXPECT_EQ(world.command("/contacts").at("contacts").as_array().size(), 1U);
    EXPECT_EQ(text_at(world.command("/delete bob"), "/type"), "contactDeleted");
}

TEST(messenger, two_contacts_of_one_name_are_told_apart) {
    chat_world world(fresh_image());
    world.make_contact();
    world.command("/c");
    world.tell(PLEXUS_AGENT_CONFIRMATION, 2, 8,
               R"({"v":"1-16","event":"x.info","params":{"profile":{"displayName":"bob","fullName":""}}})",
               3);
    EXPECT_EQ(text_at(world.event("contactConnecting"), "/contact/localDisplayName"), "bob_1");
}

TEST(messenger, the_key_of_the_agent_guards_the_database) {
    const auto image = fresh_image();
    { chat_world(image, "one").command("/create user ann"); }
    EXPECT_THAT(chat_world(image, "another").failure(), HasSubstr("this database's key"));
    chat_world again(image, "one");
    ASSERT_EQ(again.failure(), "");
    EXPECT_EQ(text_at(again.command("/u"), "/user/localDisplayName"), "ann");
}

TEST(messenger, a_full_store_loses_nothing_and_is_used_again) {
    chat_world world(fresh_image(), {}, 0, "64KiB");
    world.make_contact();
    const std::string much(12000, 'x');
    std::size_t taken = 0;
    auto answer = world.command("@bob " + much);
    for (; text_at(answer, "/type") == "newChatItems"; ++taken) {
        ASSERT_LT(taken, 20U);
        answer = world.command("@bob " + much);
    }
    EXPECT_EQ(text_at(answer, "/type"), "chatCmdError");
    // The agent has what is stored, and no more.
    ASSERT_EQ(world.agent().sent.size(), taken);
    const auto last_tag = world.agent().last_tag;
    // Nothing is acknowledged that is not stored.
    const auto* const received =
        R"({"v":"1-16","msgId":"AAAA","event":"x.msg.new","params":{"content":{"type":"text","text":"hello"}}})";
    world.tell_message(1, 50, received);
    EXPECT_THAT(world.agent().acknowledged, testing::Not(testing::Contains(50U)));
    EXPECT_THAT(text_at(world.command("@bob small"), "/chatError/message"), HasSubstr("tried again"));
    EXPECT_EQ(world.agent().sent.size(), taken);
    // What is there can be read.
    EXPECT_EQ(world.command("/tail @bob 100").at("chatItems").as_array().size(), taken);

    for (int seconds = 0; seconds < 6; ++seconds) world.settle();
    world.event("databaseWorks");
    EXPECT_EQ(text_at(world.command("@bob small"), "/type"), "newChatItems");
    ASSERT_EQ(world.agent().sent.size(), taken + 1);
    EXPECT_EQ(world.agent().sent.back().tag, last_tag + 1);
    EXPECT_THAT(world.agent().sent.back().body, HasSubstr("small"));
    world.tell_message(1, 50, received);
    EXPECT_THAT(world.agent().acknowledged, testing::Contains(50U));
    EXPECT_EQ(world.command("/tail @bob 100").at("chatItems").as_array().size(), taken + 2);
}

TEST(messenger, settings_of_the_network_are_kept) {
    const auto image = fresh_image();
    {
        chat_world world(image);
        EXPECT_EQ(text_at(world.command("/network"), "/networkConfig/sessionMode"), "session");
        const auto changed = world.command("/network session-mode=entity fallback=on keepalive=off");
        EXPECT_EQ(text_at(changed, "/type"), "networkConfig");
        EXPECT_EQ(text_at(changed, "/networkConfig/sessionMode"), "entity");
        EXPECT_EQ(text_at(world.command("/network smp-proxy=always"), "/type"), "chatCmdError");
        EXPECT_EQ(text_at(world.command("/network socks=on"), "/type"),
                  "chatCmdError"); // no transport for it
        EXPECT_EQ(text_at(world.command("/network renew"), "/type"), "chatCmdError");
    }
    chat_world again(image);
    const auto shown = again.command("/network");
    EXPECT_EQ(text_at(shown, "/networkConfig/sessionMode"), "entity");
    EXPECT_FALSE(shown.at("networkConfig").as_object().contains("tcpKeepAlive"));
    EXPECT_TRUE(shown.at("plexus").at("fallback").as_bool());
}

} // namespace
} // namespace plexus::test
