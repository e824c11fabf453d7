#include "command.hpp"

#include <gtest/gtest.h>

namespace plexus::chat_plugin {
namespace {

template <typename Command>
Command parsed(std::string_view text) {
    auto got = parse_command(text);
    EXPECT_TRUE(got.has_value()) << text << ": " << got.error().message();
    return std::get<Command>(*got);
}

TEST(chat_commands, messages) {
    EXPECT_EQ(parsed<commands::send>("@ann hello  you").contents.at(0).at("text"), "hello  you");
    EXPECT_EQ(parsed<commands::send>("@'ann lee' hi").to.name, "ann lee");
    EXPECT_EQ(parsed<commands::send>("  @ann hi\n").contents.at(0).at("text"), "hi");
    EXPECT_EQ(parsed<commands::send>("/_send @4 text hi there").to.id, 4U);
    const auto two = parsed<commands::send>(
        R"(/_send @4 live=on ttl=60 json [{"msgContent":{"type":"text","text":"a"},"mentions":{}},{"msgContent":{"type":"text","text":"b"}}])");
    EXPECT_EQ(two.contents.size(), 2U);
    for (const auto* bad :
         {"@", "@ann", "@ann ", "@ hello", "@'ann hi", "hello", "/_send @x text a", "/_send @4",
          "/_send @4 json {}", "/_send @4 json [{}]", "/_send @4 json [{\"msgContent\":{}}]"})
        EXPECT_FALSE(parse_command(bad).has_value()) << bad;
}

TEST(chat_commands, links) {
    EXPECT_TRUE(std::holds_alternative<commands::create_link>(*parse_command("/c")));
    EXPECT_TRUE(std::holds_alternative<commands::create_link>(*parse_command("/_connect 1")));
    EXPECT_EQ(parsed<commands::connect>("/connect https://a/i#b").link, "https://a/i#b");
    EXPECT_EQ(parsed<commands::connect>("/_connect 1 incognito=off https://a/i#b").link, "https://a/i#b");
    EXPECT_FALSE(parse_command("/c a b").has_value());
}

TEST(chat_commands, history) {
    EXPECT_FALSE(parsed<commands::tail>("/tail").from.has_value());
    const auto tail = parsed<commands::tail>("/t @ann 5");
    EXPECT_EQ(tail.from->name, "ann");
    EXPECT_EQ(tail.count, 5U);
    EXPECT_EQ(parsed<commands::tail>("/tail 7").count, 7U);
    const auto chat = parsed<commands::get_chat>("/_get chat @4 count=20 search=a b");
    EXPECT_EQ(chat.from.id, 4U);
    EXPECT_EQ(chat.count, 20U);
    EXPECT_EQ(chat.search, "a b");
    for (const auto* bad : {"/tail 0", "/tail x", "/tail @ann 5 6", "/_get chat 4", "/_get moon"})
        EXPECT_FALSE(parse_command(bad).has_value()) << bad;
}

TEST(chat_commands, users_and_contacts) {
    EXPECT_EQ(parsed<commands::create_user>("/create user 'ann lee' Ann Lee").profile.at("displayName"),
              "ann lee");
    EXPECT_EQ(parsed<commands::remove_contact>("/d ann").which.name, "ann");
    EXPECT_FALSE(parsed<commands::remove_contact>("/_delete @4 full notify=off").notify);
    EXPECT_TRUE(std::holds_alternative<commands::list_contacts>(*parse_command("/cs")));
    for (const auto* bad :
         {"/create user", "/create moon", "/create user #a", "/create user @a", "/_create user []",
          "/_create user {\"displayName\":\"a\"}", "/delete", "/nonsense", "", "/contacts x"})
        EXPECT_FALSE(parse_command(bad).has_value()) << bad;
}

} // namespace
} // namespace plexus::chat_plugin
