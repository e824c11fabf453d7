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

TEST(chat_commands, the_network) {
    EXPECT_TRUE(std::holds_alternative<commands::show_network>(*parse_command("/network")));
    EXPECT_TRUE(std::holds_alternative<commands::show_network>(*parse_command("/_network")));
    EXPECT_TRUE(std::holds_alternative<commands::renew_network>(*parse_command("/net renew")));
    const auto change = [](std::string_view text) { return parsed<commands::set_network>(text).change; };
    // With socks= first, what is not named has its preset.
    const json::object isolating{{"socksProxy", "127.0.0.1:9050"},
                                 {"socksMode", "always"},
                                 {"hostMode", "onionViaSocks"},
                                 {"requiredHostMode", false},
                                 {"smpWebPortServers", "preset"}};
    EXPECT_EQ(change("/network socks=on"), isolating);
    EXPECT_EQ(change("/network socks=user:secret@[::1]:9150").at("hostMode"), "public");
    EXPECT_EQ(change("/net socks=@:9150").at("socksProxy"), "@:9150");
    const auto off = change("/network socks=off smp-web-port");
    EXPECT_EQ(off.at("socksProxy"), nullptr);
    EXPECT_EQ(off.at("hostMode"), "public");
    EXPECT_EQ(off.at("smpWebPortServers"), "all");
    // As the official parser takes them.
    const auto all =
        change("/network socks=on socks-mode=onion host-mode=onion required-host-mode smp-proxy=never "
               "smp-proxy-fallback=no smp-web-port-servers=off timeout=7 log=on");
    EXPECT_EQ(all.at("socksMode"), "onion");
    EXPECT_EQ(all.at("requiredHostMode"), true);
    EXPECT_EQ(all.at("smpWebPortServers"), "off");
    EXPECT_EQ(all.at("tcpTimeout"),
              json::value({{"backgroundTimeout", 21'000'000}, {"interactiveTimeout", 7'000'000}}));
    EXPECT_EQ(all.at("tcpConnectTimeout"),
              json::value({{"backgroundTimeout", 31'500'000}, {"interactiveTimeout", 10'500'000}}));
    // Without it only what is named changes.
    EXPECT_EQ(change("/network fallback=on  keepalive=off ping=60"),
              (json::object{{"fallback", true}, {"tcpKeepAlive", nullptr}, {"smpPingInterval", 60'000'000}}));
    EXPECT_EQ(change("/network keepalive=30,15,4 reconnect=1,60").at("reconnectMost"), 60'000'000);
    // The whole of it, where what is optional and missing is off.
    EXPECT_EQ(change(R"(/_network {"socksMode":"always"})"),
              (json::object{{"socksMode", "always"}, {"socksProxy", nullptr}, {"tcpKeepAlive", nullptr}}));
    for (const auto* bad : {"/network socks=", "/network fallback=on socks=on", "/network nonsense",
                            "/network timeout=x", "/network keepalive=1,2", "/network fallback=maybe",
                            "/network ping=", "/_network []", "/_network {"})
        EXPECT_FALSE(parse_command(bad).has_value()) << bad;
}

} // namespace
} // namespace plexus::chat_plugin
