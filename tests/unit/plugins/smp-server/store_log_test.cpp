// The text formats of official servers, line by line.
#include "migration/ini.hpp"
#include "migration/line_file.hpp"
#include "migration/store_log.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace plexus::smp_server::official {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string key = "MCowBQYDK2VwAyEAOK2vJdSKJorXDhwaLRUSPcKbn89aK3QB4_7dQR8-cV0=";
const std::string id = "NAXU426izxdPbuBkF4Du0DX1LKdoqSVU";
const std::string other = "LZKfqDnOKMQbibNqvb5uHGRiedrZbR88";
const std::string secret = "zduH3dL9iJ89EbPF04tK8j2paLcb622wgiJ7bS7LyAs=";
const std::string least = "CREATE rid=" + id + " rk=" + key + " rdh=" + secret + " sid=" + other + " sk=";

template <typename What>
What change_of(const std::string& line) {
    const auto parsed = parse_log_line(line);
    EXPECT_TRUE(parsed) << line << (parsed ? "" : ": " + parsed.error().message());
    const auto& about = std::get<queue_line>(*parsed);
    EXPECT_EQ(about.recipient_id.front(), 0x34);
    return std::get<What>(about.what);
}
std::string refusal(const std::string& line) {
    const auto parsed = parse_log_line(line);
    return parsed ? "" : parsed.error().message();
}

TEST(store_log, a_queue_with_everything_is_written_as_it_was_read) {
    for (const std::string more :
         {"", " queue_mode=M", " queue_mode=C updated_at=1795392000", " status=off",
          " status=blocked,reason=spam", " status=blocked,reason=content,notice={\"ttl\": 5} rsrv=AAAA"})
        EXPECT_EQ(encode(change_of<change::create>(least + more).queue), least + more);
    const std::string all = least + key + " queue_mode=C link_id=" + other +
                            " queue_data=AAAA BBBB notifier=" + other + " " + key + " " + secret +
                            " nsrv=AAAA updated_at=-5 status=off rsrv=BBBB";
    EXPECT_EQ(encode(change_of<change::create>(all).queue), all);
    EXPECT_EQ(change_of<change::create>(least + " sndSecure=F").queue.mode, smp::queue_mode::contact);
    EXPECT_EQ(change_of<change::create>(least + " sndSecure=T").queue.mode, smp::queue_mode::messaging);
}

TEST(store_log, a_notification_is_written_as_it_was_read) {
    const std::string line = "v1 " + id + " " + other + " 1795392000 " + other + " AAAA";
    const auto parsed = parse_notification_line(line);
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(parsed->notification.seconds, 1'795'392'000);
    EXPECT_EQ(parsed->notification.metadata, bytes(3, 0));
    EXPECT_EQ(encode(*parsed), line);
    for (const std::string& damaged : {std::string(), "v2" + line.substr(2), line.substr(0, 60),
                                       "v1 " + id + " " + other + " 1 AAAA AAAA", line + " more"})
        EXPECT_FALSE(parse_notification_line(damaged)) << damaged;
}

TEST(store_log, every_kind_of_change) {
    const auto line = [](const char* tag, const std::string& rest) { return tag + (" " + id) + rest; };
    EXPECT_EQ(change_of<change::set_link>(line("LINK", " " + other + " AAAA BBBB")).data.user,
              (bytes{4, 16, 65}));
    change_of<change::delete_link>(line("LDELETE", ""));
    EXPECT_EQ(change_of<change::secure>(line("SECURE", " " + key)).key.text(), key);
    EXPECT_EQ(change_of<change::set_keys>(line("KEYS", " " + key + "," + key)).keys.size(), 2U);
    EXPECT_EQ(change_of<change::set_notifier>(line("NOTIFIER", " " + other + " " + key + " " + secret))
                  .notifier.key.text(),
              key);
    change_of<change::suspend>(line("SUSPEND", ""));
    EXPECT_TRUE(change_of<change::block>(line("BLOCK", " reason=content")).info.content);
    EXPECT_EQ(change_of<change::block>(line("BLOCK", " reason=spam,notice={}")).info.notice, "{}");
    change_of<change::unblock>(line("UNBLOCK", ""));
    change_of<change::remove>(line("DELETE", ""));
    change_of<change::delete_notifier>(line("NDELETE", ""));
    EXPECT_EQ(change_of<change::set_time>(line("TIME", " 86400")).seconds, 86'400);
    EXPECT_TRUE(change_of<change::set_service>(line("QUEUE_SERVICE", " N AAAA")).of_notifier);
    EXPECT_TRUE(change_of<change::set_service>(line("QUEUE_SERVICE", " R ")).service_id.empty());
    const std::string service =
        "NEW_SERVICE service_id=AAAA role=N cert=AAAA,BBBB cert_hash=CCCC created_at=7";
    EXPECT_EQ(encode(std::get<service_line>(*parse_log_line(service))), service);
}

TEST(store_log, damage_is_named) {
    EXPECT_THAT(refusal(""), HasSubstr("is missing"));
    EXPECT_THAT(refusal("RENAME " + id + " x"), HasSubstr("no record has the name 'RENAME'"));
    EXPECT_THAT(refusal("SUSPEND " + id + " x"), HasSubstr("follows after its end"));
    EXPECT_THAT(refusal("SUSPEND AAAA"), HasSubstr("recipient id has not 24 bytes"));
    EXPECT_THAT(refusal("SECURE " + id + " " + key.substr(0, 40)), HasSubstr("sender key is no public key"));
    EXPECT_THAT(refusal(least.substr(0, 150)), HasSubstr("queue secret is not base64url"));
    EXPECT_THAT(refusal(least + " status=gone"), HasSubstr("'blocked,' is missing"));
    EXPECT_THAT(refusal("LINK " + id + " " + std::string(400, 'A') + " AAAA BBBB"),
                HasSubstr("link id is too long"));
    EXPECT_THAT(refusal("LINK " + id + " " + other + " " + std::string(22'000, 'A') + " BBBB"),
                HasSubstr("fixed link data is too long"));
    EXPECT_THAT(refusal("BLOCK " + id + " reason=spam,notice={" + std::string(5'000, ' ') + "}"),
                HasSubstr("or too long"));
    const std::string x448 =
        "MEIwBQYDK2VvAzkABQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    EXPECT_THAT(refusal("SECURE " + id + " " + x448), HasSubstr("sender key is no public key"))
        << "it could authorize nothing";
    EXPECT_THAT(refusal(least + " updated_at=now"), HasSubstr("updated_at is no number"));
    EXPECT_THAT(refusal(least + " status=blocked,reason=spam,notice={"), HasSubstr("no JSON object"));
}

TEST(store_log, messages) {
    for (const auto& line : std::initializer_list<std::string>{
             "v3 " + id + " " + other + " 1795394312 flags=T AAQw",
             "v3 " + id + " " + other + " 0 flags=F AAQw", "v3 " + id + " " + other + " 1795394312 quota"}) {
        const auto parsed = parse_message_line(line);
        ASSERT_TRUE(parsed) << line;
        EXPECT_EQ(encode(*parsed), line);
        EXPECT_TRUE(parse_journal_line(line.substr(3 + id.size() + 1)));
    }
    EXPECT_FALSE(parse_message_line("v2 " + id + " " + other + " 0 flags=F AAQw"));
    EXPECT_FALSE(parse_message_line("v3 " + id + " " + other + " 0 flags=F "));
    EXPECT_FALSE(parse_message_line("v3 " + id + " " + other + " 0 flags=F " + std::string(30'000, 'A')));
}

TEST(store_log, states_of_journals) {
    const auto state = parse_journal_state("write=w-1,7,7,90,90 read=r_2,2,3,40,60 canWrite=F size=8");
    ASSERT_TRUE(state);
    EXPECT_EQ(state->write_file, "w-1");
    EXPECT_EQ(state->read_file, "r_2");
    EXPECT_EQ(state->read_bytes, 40U);
    EXPECT_EQ(state->read_bytes_end, 60U);
    EXPECT_EQ(state->write_bytes_end, 90U);
    EXPECT_FALSE(state->can_write);
    EXPECT_EQ(state->size, 8U);
    EXPECT_FALSE(parse_journal_state("write=../w,7,7,90,90 read=r,2,3,40,60 canWrite=F size=8"));
    EXPECT_FALSE(parse_journal_state("write=w,7,7,90,90 read=r,2,3,40"));
}

TEST(ini, settings_and_what_has_no_counterpart) {
    const auto from =
        parse_ini("# x\n[TRANSPORT]\nhost: a.example, b.onion\nport = 5223,443\nwebsockets: off\n"
                  "[AUTH]\ncreate_password: se=cret\nnew_queues: off\ncontrol_port_admin_password: p\n"
                  "[STORE_LOG]\nenable: on\nexpire_messages_days: 7\nnonsense\n"
                  "[INACTIVE_CLIENTS]\ndisconnect: on\nttl: 3600\n");
    EXPECT_THAT(from.damaged, ElementsAre(13U));
    const auto settings = settings_of(from);
    EXPECT_THAT(settings.hosts, ElementsAre("a.example", "b.onion"));
    EXPECT_THAT(settings.ports, ElementsAre("5223", "443"));
    EXPECT_EQ(settings.password, "se=cret");
    EXPECT_FALSE(settings.new_queues);
    EXPECT_EQ(settings.message_days, 7U);
    EXPECT_EQ(settings.idle_seconds, 3'600U);
    EXPECT_THAT(settings.not_taken, ElementsAre("[AUTH] control_port_admin_password = (a secret)",
                                                "[TRANSPORT] websockets = off"));
    const auto again = settings_of(parse_ini(ini_text(settings)));
    EXPECT_EQ(again.hosts, settings.hosts);
    EXPECT_EQ(again.password, settings.password);
    EXPECT_EQ(again.idle_seconds, settings.idle_seconds);
}

TEST(line_file, lines_of_any_length) {
    const auto path = std::filesystem::temp_directory_path() / ("line-file-" + std::to_string(::getpid()));
    const std::string long_line(300'000, 'x');
    std::ofstream(path) << "one\n\n"
                        << long_line << "\n"
                        << std::string(line_most + 500'000, 'y') << "\nlast";
    auto lines = line_file::open(path).value();
    std::string_view line;
    EXPECT_TRUE(lines.next(line).value());
    EXPECT_EQ(line, "one");
    EXPECT_TRUE(lines.next(line).value());
    EXPECT_EQ(line, "");
    EXPECT_TRUE(lines.next(line).value());
    EXPECT_EQ(line, long_line);
    EXPECT_TRUE(lines.next(line).value());
    EXPECT_TRUE(lines.too_long());
    EXPECT_TRUE(lines.next(line).value());
    EXPECT_FALSE(lines.too_long());
    EXPECT_EQ(line, "last");
    EXPECT_EQ(lines.number(), 5U);
    EXPECT_FALSE(lines.next(line).value());
    auto part = line_file::open(path, 1, 4).value();
    EXPECT_TRUE(part.next(line).value());
    EXPECT_EQ(line, "ne");
    EXPECT_FALSE(part.next(line).value());
    std::filesystem::remove(path);
}

} // namespace
} // namespace plexus::smp_server::official
