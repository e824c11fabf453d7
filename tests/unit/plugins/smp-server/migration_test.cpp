// Import from an official server's folders and export to them, as people run them; and what was imported,
// served.
#include "smp_peer.hpp"

#include "migration/store_log.hpp"

#include "plexus/encoding/base64.hpp"
#include "plexus/kernel/kernel.hpp"
#include "plexus/smp/certificates.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sys/wait.h>

namespace plexus::smp_server::test {
namespace {

namespace fs = std::filesystem;
namespace cmd = smp::cmd;
namespace msg = smp::msg;
using testing::HasSubstr;

class folder {
  public:
    folder() {
        auto name = (fs::temp_directory_path() / "smp-migration-test-XXXXXX").string();
        path_ = mkdtemp(name.data());
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    const fs::path& path() const noexcept { return path_; }

  private:
    fs::path path_;
};

std::string text_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}
void append(const fs::path& file, const std::string& text) {
    std::ofstream(file, std::ios::app | std::ios::binary) << text;
}

struct outcome {
    int code;
    std::string output; ///< and errors
};
outcome plexusd(const std::string& words, const fs::path& scratch) {
    const auto out = scratch / "output";
    const auto line = std::string(PLEXUSD_PATH) + " " + words + " > " + out.string() + " 2>&1";
    const int status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(out)};
}

const fs::path samples = OFFICIAL_FOLDERS;

/// A copy of the sample, to change.
std::string sample(const char* name, const folder& into) {
    fs::copy(samples / name, into.path() / name, fs::copy_options::recursive);
    const auto at = (into.path() / name).string();
    return at + "/etc " + at + "/var ";
}

TEST(migration, folders_of_an_official_server_come_back_as_they_were) {
    for (const char* name : {"memory", "journal"}) {
        const folder scratch;
        const auto at = scratch.path().string();
        const auto in = plexusd("import " + sample(name, scratch) + at + "/server", scratch.path());
        const bool memory = std::string(name) == "memory";
        EXPECT_EQ(in.code, 0) << in.output;
        EXPECT_THAT(in.output, HasSubstr("imported: 4 queues, 2 links, " + std::string(memory ? "2" : "1") +
                                         " messages"));
        EXPECT_THAT(in.output, HasSubstr("no counterpart here: [TRANSPORT] log_tls_errors = on"));
        EXPECT_THAT(in.output,
                    HasSubstr("smp://" + text_of(samples / name / "etc/fingerprint").substr(0, 43)));
        EXPECT_EQ(plexusd("config check " + at + "/server", scratch.path()).code, 0);

        const auto out = plexusd("export " + at + "/server " + at + "/back", scratch.path());
        EXPECT_EQ(out.code, 0) << out.output;
        for (const char* file : {"ca.crt", "ca.key", "server.crt", "server.key", "fingerprint"})
            EXPECT_EQ(text_of(scratch.path() / "back/etc" / file), text_of(samples / name / "etc" / file))
                << file;
        const auto messages = text_of(scratch.path() / "back/var/smp-server-messages.log");
        if (memory)
            EXPECT_EQ(messages, text_of(samples / name / "var/smp-server-messages.log"));
        else
            EXPECT_EQ(std::count(messages.begin(), messages.end(), '\n'), 1);

        // What an export wrote can be imported, and exported as the same.
        const auto again =
            plexusd("import " + at + "/back/etc " + at + "/back/var " + at + "/again", scratch.path());
        EXPECT_EQ(again.code, 0) << again.output;
        EXPECT_EQ(plexusd("export " + at + "/again " + at + "/third", scratch.path()).code, 0);
        for (const char* file :
             {"var/smp-server-store.log", "var/smp-server-messages.log", "etc/smp-server.ini"})
            EXPECT_EQ(text_of(scratch.path() / "third" / file), text_of(scratch.path() / "back" / file))
                << file;
    }
}

TEST(migration, damage_is_named_with_its_line_and_left_out_or_refused) {
    const folder scratch;
    const auto from = sample("memory", scratch);
    const auto var = scratch.path() / "memory/var";
    const auto log = text_of(var / "smp-server-store.log");
    append(var / "smp-server-store.log", "SECURE torn\n" + log.substr(0, 100));
    append(var / "smp-server-messages.log",
           "v3 " + std::string(32, 'A') + " " + std::string(32, 'B') + " 1 quota\n");
    const auto lines = std::to_string(std::count(log.begin(), log.end(), '\n') + 1);
    const auto at = scratch.path().string();

    const auto strict = plexusd("import --strict " + from + at + "/server", scratch.path());
    EXPECT_EQ(strict.code, 1) << strict.output;
    EXPECT_FALSE(fs::exists(scratch.path() / "server/plexus.toml"));

    const auto in = plexusd("import " + from + at + "/server", scratch.path());
    EXPECT_EQ(in.code, 3) << in.output;
    EXPECT_THAT(in.output, HasSubstr("smp-server-store.log:" + lines + ": recipient id"));
    EXPECT_THAT(in.output, HasSubstr("smp-server-messages.log:3: a message for a queue that is not there"));
    EXPECT_THAT(in.output, HasSubstr("left out: 3 damaged lines"));
    EXPECT_THAT(in.output, HasSubstr("imported: 4 queues, 2 links, 2 messages"));

    EXPECT_EQ(plexusd("import " + from + at + "/server", scratch.path()).code, 1)
        << "a server is there already";
    EXPECT_EQ(plexusd("import " + from + at + "/memory/etc", scratch.path()).code, 1);
    EXPECT_TRUE(fs::exists(scratch.path() / "memory/etc/ca.key"));
    fs::remove(scratch.path() / "memory/etc/ca.crt");
    EXPECT_THAT(plexusd("import " + from + at + "/other", scratch.path()).output,
                HasSubstr("ca.crt is in none"));
}

TEST(migration, services_come_along) {
    const folder scratch;
    const auto from = sample("memory", scratch);
    const auto log = scratch.path() / "memory/var/smp-server-store.log";
    bench::system_random random;
    const auto key = [&] {
        return crypto::private_key::generate(crypto::key_type::ed25519, random).public_part();
    };
    const auto new_service = [](std::uint8_t number, char role) {
        official::service_line out;
        out.id = bytes(smp::id_size, number);
        out.role = role;
        out.certificates = {bytes(40, number), bytes(50, number)};
        out.certificate_hash = bytes(32, number);
        out.created = 1'751'328'000;
        return out;
    };
    const auto line = [&](const std::string& text) { append(log, text + "\n"); };
    const auto messages = new_service(1, 'M');
    const auto notifications = new_service(2, 'N');
    const auto id_of = [](const official::service_line& one) { return encoding::base64url_encode(one.id); };
    line(official::encode(messages));
    line(official::encode(notifications));
    std::vector<official::queue> queues(4);
    for (auto& each : queues) {
        random.fill(each.recipient_id);
        random.fill(each.sender_id);
        each.recipient_keys.push_back(key());
        official::notifier notifier;
        random.fill(notifier.id);
        notifier.key = key();
        each.notifier = std::move(notifier);
    }
    const auto name_of = [&](std::size_t i) { return encoding::base64url_encode(queues[i].recipient_id); };
    queues[0].service_id = messages.id;
    queues[0].notifier->service_id = notifications.id;
    for (const auto& each : queues) line(official::encode(each));
    line("QUEUE_SERVICE " + name_of(1) + " R " + id_of(messages));
    line("QUEUE_SERVICE " + name_of(1) + " N " + id_of(notifications));
    line("QUEUE_SERVICE " + name_of(2) + " R " + id_of(messages));
    line("QUEUE_SERVICE " + name_of(2) + " R ");
    line("QUEUE_SERVICE " + name_of(3) + " R " + id_of(messages));
    line("DELETE " + name_of(3));
    const auto at = scratch.path().string();
    const auto in = plexusd("import " + from + at + "/server", scratch.path());
    EXPECT_EQ(in.code, 0) << in.output;
    EXPECT_EQ(plexusd("export " + at + "/server " + at + "/back", scratch.path()).code, 0);
    const auto back = text_of(scratch.path() / "back/var/smp-server-store.log");
    const auto count = [&back](const std::string& what) {
        std::size_t out = 0;
        for (auto found = back.find(what); found != std::string::npos; found = back.find(what, found + 1))
            ++out;
        return out;
    };
    EXPECT_EQ(count(official::encode(messages) + "\n"), 1U);
    EXPECT_EQ(count(official::encode(notifications) + "\n"), 1U);
    EXPECT_EQ(count(" rsrv=" + id_of(messages)), 2U);
    EXPECT_EQ(count(" nsrv=" + id_of(notifications)), 2U);

    // What cannot be is named, and the queue is kept without it.
    line("QUEUE_SERVICE " + name_of(2) + " R " + id_of(notifications));
    line("QUEUE_SERVICE " + name_of(2) + " N " + encoding::base64url_encode(bytes(24, 9)));
    line(official::encode(new_service(1, 'M')));
    const auto damaged = plexusd("import " + from + at + "/damaged", scratch.path());
    EXPECT_EQ(damaged.code, 3) << damaged.output;
    EXPECT_THAT(damaged.output, HasSubstr("there is no such service, or it has another role"));
    EXPECT_THAT(damaged.output, HasSubstr("the service was created before"));
    EXPECT_THAT(damaged.output, HasSubstr("left out: 3 damaged lines"));
}

TEST(migration, an_imported_queue_is_served) {
    const folder scratch;
    const auto from = sample("memory", scratch);
    const auto var = scratch.path() / "memory/var";
    bench::system_random random;
    const auto recipient = crypto::private_key::generate(crypto::key_type::ed25519, random);
    const auto sender = crypto::private_key::generate(crypto::key_type::x25519, random);
    official::queue made;
    random.fill(made.recipient_id);
    random.fill(made.sender_id);
    made.recipient_keys.push_back(recipient.public_part());
    random.fill({made.dh_secret.data(), made.dh_secret.size()});
    made.mode = smp::queue_mode::messaging;
    const auto told = crypto::private_key::generate(crypto::key_type::ed25519, random);
    made.notifier.emplace();
    random.fill(made.notifier->id);
    made.notifier->key = told.public_part();
    const auto id = encoding::base64url_encode(made.recipient_id);
    // The service that another queue of the folder belongs to knows it at once.
    const auto service = bench::make_service(smp::service_role::messaging);
    official::service_line known;
    known.id = bytes(smp::id_size, 5);
    known.certificates = service.credentials->chain;
    known.certificate_hash = to_bytes(bytes_view(smp::fingerprint(known.certificates.front())));
    official::queue served = made;
    random.fill(served.recipient_id);
    random.fill(served.sender_id);
    served.service_id = known.id;
    random.fill(served.notifier->id);
    official::notification_line waiting;
    waiting.notifier = made.notifier->id;
    random.fill(waiting.notification.message_id);
    waiting.notification.seconds = 4'000'000'000;
    random.fill(waiting.notification.nonce);
    waiting.notification.metadata = bytes(80, 3);
    auto of_other = waiting;
    of_other.notifier = served.notifier->id;
    append(var / "smp-server-ntfs.log", official::encode(waiting) + "\n" + official::encode(of_other) + "\n");
    append(var / "smp-server-store.log", official::encode(known) + "\n" + official::encode(served) + "\n");
    append(var / "smp-server-store.log", official::encode(made) + "\nSECURE " + id + " " +
                                             encoding::base64url_encode(sender.public_part().spki()) + "\n");
    for (const char* body : {"first", "second"}) {
        official::message_line line;
        line.recipient_id = made.recipient_id;
        random.fill(line.message.id);
        line.message.seconds = 4'000'000'000; // never too old
        line.message.flags.notification = true;
        line.message.body = to_bytes(std::string_view(body));
        append(var / "smp-server-messages.log", official::encode(line) + "\n");
    }
    const auto server = scratch.path() / "server";
    ASSERT_EQ(plexusd("import " + from + server.string(), scratch.path()).code, 0);

    auto config = text_of(server / "plexus.toml");
    config.replace(config.find("port = 15401"), 12, "port = 0\naddress = \"127.0.0.1\"");
    std::string log;
    std::mutex mutex;
    kernel::kernel_options options;
    options.plugin_folders = {PLUGIN_FOLDER};
    options.log = [&](std::string_view line) {
        const std::lock_guard hold(mutex);
        log += std::string(line) + "\n";
    };
    auto running = kernel::kernel::load({config, server / "plexus.toml"}, std::move(options));
    ASSERT_TRUE(running) << running.error().message();
    ASSERT_TRUE((*running)->start());
    auto address = smp::parse_server_address(
                       text_of(server / "address").substr(0, text_of(server / "address").find('\n')))
                       .value();
    {
        const std::lock_guard hold(mutex);
        const auto port = log.find(" port=") + 6;
        address.port = log.substr(port, log.find(' ', port) - port);
    }
    address.hosts = {{encoding::host_kind::ipv4, "127.0.0.1"}};
    {
        bench::smp_peer peer(address, random);
        const crypto::box_key body_key(made.dh_secret);
        const auto next = [&] {
            std::string out;
            bytes message_id;
            peer.receive([&](const smp::client_event& event) {
                const auto* message = std::get_if<msg::message>(&event.content);
                if (message == nullptr) return false;
                auto body = to_bytes(message->body);
                const auto opened = smp::open_message_body(body_key, message->message_id, body);
                out = opened ? to_string(opened->body) : "undecryptable";
                message_id = to_bytes(message->message_id);
                return true;
            });
            peer.send(cmd::ack{message_id}, made.recipient_id, &recipient);
            return out;
        };
        peer.send(cmd::sub{}, made.recipient_id, &recipient);
        EXPECT_EQ(next(), "first");
        EXPECT_EQ(next(), "second");
        bench::smp_peer other(address, random);
        const auto third = to_bytes(std::string_view("third"));
        other.expect_ok(cmd::send{{}, third}, made.sender_id, &sender);
        EXPECT_EQ(next(), "third");
        bench::smp_peer notifier(address, random);
        notifier.send(cmd::nsub{}, made.notifier->id, &told);
        notifier.receive([&](const smp::client_event& event) {
            const auto* nmsg = std::get_if<msg::nmsg>(&event.content);
            if (nmsg == nullptr) return false;
            EXPECT_EQ(to_bytes(nmsg->nonce), to_bytes(waiting.notification.nonce));
            EXPECT_EQ(to_bytes(nmsg->metadata), waiting.notification.metadata);
            return true;
        });
        bench::smp_peer client(address, random, service);
        EXPECT_EQ(to_bytes(client.session().service_id()), known.id);
        client.send(cmd::subs{}, known.id, nullptr);
        smp::service_queues expected;
        expected.add(served.recipient_id);
        client.receive([&](const smp::client_event& event) {
            const auto* soks = std::get_if<msg::soks>(&event.content);
            EXPECT_TRUE(soks != nullptr && soks->queues == expected);
            return event.what == smp::client_event::kind::response;
        });
    }
    EXPECT_TRUE((*running)->stop());
    (*running).reset();
    const auto back = scratch.path() / "back";
    const auto out = plexusd("export " + server.string() + " " + back.string(), scratch.path());
    EXPECT_EQ(out.code, 0) << out.output;
    // Of the one that nobody told; and what the messages above made was told.
    EXPECT_EQ(text_of(back / "var/smp-server-ntfs.log"), official::encode(of_other) + "\n");
}

} // namespace
} // namespace plexus::smp_server::test
