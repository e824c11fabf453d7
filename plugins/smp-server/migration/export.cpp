#include "blocking_store.hpp"
#include "engine/services.hpp"
#include "import.hpp"
#include "ini.hpp"
#include "pem.hpp"
#include "report.hpp"
#include "server_folder.hpp"
#include "store_log.hpp"

#include "plexus/encoding/base64.hpp"
#include "plexus/smp/certificates.hpp"

#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace plexus::smp_server {
namespace {

namespace fs = std::filesystem;

/// A file of lines that is written from its beginning.
class line_writer {
  public:
    static result<line_writer> create(const fs::path& path) {
        const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, for_owner);
        if (file < 0) return failed(path);
        return line_writer(path, ::fdopen(file, "w"));
    }
    result<void> line(const std::string& text) {
        if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size() ||
            std::fputc('\n', file_.get()) == EOF)
            return failed(path_);
        return {};
    }
    result<void> finish() {
        if (std::fflush(file_.get()) != 0 || ::fsync(::fileno(file_.get())) != 0) return failed(path_);
        return {};
    }

  private:
    struct closer {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    line_writer(fs::path path, std::FILE* file) : path_(std::move(path)), file_(file) {}
    static error failed(const fs::path& path) {
        return make_error(status::io,
                          "cannot write " + path.string() + ": " + std::generic_category().message(errno));
    }
    fs::path path_;
    std::unique_ptr<std::FILE, closer> file_;
};

class exporter {
  public:
    explicit exporter(const init_call& call)
        : call_(call), etc_(fs::path(call.arguments[1]) / "etc"), var_(fs::path(call.arguments[1]) / "var"),
          report_(call) {}

    result<std::int32_t> run() {
        const auto& from = call_.arguments[0];
        PLEXUS_TRY(store_, blocking_store::open(call_.host, from));
        std::error_code failed;
        fs::create_directories(etc_, failed);
        if (!failed) fs::create_directories(var_, failed);
        if (failed) return make_error(status::io, "cannot make " + etc_.string() + ": " + failed.message());
        if (!fs::is_empty(etc_, failed) || !fs::is_empty(var_, failed))
            return make_error(status::exists,
                              etc_.parent_path().string() + " is not empty: give a new folder");
        PLEXUS_CHECK(write_config(store_->folder().sections().front().values));
        PLEXUS_CHECK(write_data());
        report_.end();
        call_.print("exported: " + std::to_string(queues_) + " queues, " + std::to_string(messages_) +
                    " messages, to " + etc_.string() + " (configuration) and " + var_.string() + " (data)\n");
        return report_.is_complete() ? 0 : exit_incomplete;
    }

  private:
    result<void> write_config(const config_view& config) {
        const fs::path chain_path = std::string(config.text("certificate-chain").value_or(""));
        PLEXUS_TRY(const auto chain_pem, read_file(chain_path.string()));
        PLEXUS_TRY(const auto chain, certificates_of(as_text(chain_pem)));
        if (chain.size() < 2)
            return make_error(status::invalid, chain_path.string() + " has one certificate: two are needed");
        std::string own;
        for (std::size_t i = 0; i + 1 < chain.size(); ++i) own += certificate_pem(chain[i]);
        PLEXUS_CHECK(create_file(etc_ / "server.crt", as_bytes(own), for_all));
        PLEXUS_CHECK(create_file(etc_ / "ca.crt", as_bytes(certificate_pem(chain.back())), for_all));
        PLEXUS_TRY(const auto key, read_secret_file(std::string(config.text("private-key").value_or(""))));
        PLEXUS_CHECK(create_file(etc_ / "server.key", key, for_owner));
        std::error_code failed;
        const auto authority_key = chain_path.parent_path() / authority_key_file;
        if (fs::exists(authority_key, failed)) {
            PLEXUS_TRY(const auto content, read_secret_file(authority_key.string()));
            PLEXUS_CHECK(create_file(etc_ / "ca.key", content, for_owner));
        }
        const auto fingerprint = encoding::base64url_encode(smp::fingerprint(chain[1]));
        PLEXUS_CHECK(create_file(etc_ / "fingerprint", as_bytes(fingerprint + "\n"), for_all));

        official::server_settings settings;
        for (const auto host : config.list("hosts")) settings.hosts.emplace_back(host);
        if (settings.hosts.empty()) settings.hosts.emplace_back("localhost");
        settings.ports.push_back(std::to_string(config.integer("port").value_or(smp::default_port)));
        settings.password = std::string(config.text("password").value_or(""));
        settings.new_queues = config.boolean("new-queues");
        using days = std::chrono::duration<std::int64_t, std::ratio<86'400>>;
        const auto lifetime = config.duration("message-lifetime").value_or(std::chrono::hours(24));
        settings.message_days =
            static_cast<std::uint64_t>(std::max<std::int64_t>(1, std::chrono::ceil<days>(lifetime).count()));
        const auto idle = config.duration("idle-timeout").value_or(std::chrono::hours(6));
        settings.idle_seconds =
            static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(idle).count());
        return create_file(etc_ / "smp-server.ini", as_bytes(official::ini_text(settings)), for_owner);
    }

    result<void> write_data() {
        PLEXUS_TRY(auto log, line_writer::create(var_ / "smp-server-store.log"));
        PLEXUS_TRY(auto messages, line_writer::create(var_ / "smp-server-messages.log"));
        PLEXUS_CHECK(store_->each(store_->all().services, [&](const bytes& key, const bytes& value) {
            return write_service(key, value, log);
        }));
        PLEXUS_CHECK(store_->each(store_->all().queues, [&](const bytes& key, const bytes& value) {
            return write_queue(key, value, log, messages);
        }));
        PLEXUS_CHECK(log.finish());
        PLEXUS_CHECK(messages.finish());
        return write_notifications();
    }

    result<void> write_notifications() {
        PLEXUS_TRY(auto notifications, line_writer::create(var_ / "smp-server-ntfs.log"));
        PLEXUS_CHECK(store_->each(store_->all().notifications, [&](const bytes& key, const bytes& value) {
            const auto notifier = to_identifier(bytes_view(key).first(std::min(key.size(), smp::id_size)));
            auto kept = decode_notification(value);
            if (notifier && kept)
                return notifications.line(
                    official::encode(official::notification_line{*notifier, std::move(*kept)}));
            report_.damaged("smp.notifications", 0, "a row is damaged");
            return result<void>();
        }));
        return notifications.finish();
    }

    result<void> write_service(const bytes& key, const bytes& value, line_writer& log) {
        auto record = decode_service(value);
        if (!record || record->chain.empty()) {
            report_.damaged("smp.services", 0, encoding::base64url_encode(key) + ": the record is damaged");
            return {};
        }
        official::service_line out;
        out.id = key;
        out.role = record->role == smp::service_role::messaging  ? 'M'
                   : record->role == smp::service_role::notifier ? 'N'
                                                                 : 'P';
        out.certificates = std::move(record->chain);
        out.certificate_hash = to_bytes(bytes_view(record->fingerprint));
        constexpr std::int64_t day = 86'400; // official servers keep the day alone
        out.created = record->created / day * day;
        return log.line(official::encode(out));
    }

    result<void> write_queue(const bytes& key, const bytes& value, line_writer& log, line_writer& messages) {
        const auto id = to_identifier(key);
        const auto record = id ? decode_queue(*id, value) : std::nullopt;
        if (!record) {
            report_.damaged("smp.queues", 0, encoding::base64url_encode(key) + ": the record is damaged");
            return {};
        }
        official::queue out;
        out.recipient_id = *id;
        out.sender_id = record->sender_id;
        out.recipient_keys = record->recipient_keys;
        out.dh_secret = record->dh_secret;
        out.sender_key = record->sender_key;
        out.mode = record->mode;
        out.off = record->status == queue_status::off;
        if (record->blocked)
            out.blocked = {record->blocked->reason == smp::blocking_reason::content, record->blocked->notice};
        if (record->notifier)
            out.notifier =
                official::notifier{record->notifier->id, record->notifier->key, record->notifier->dh_secret,
                                   bytes_of(record->notifier->service_id)};
        out.service_id = bytes_of(record->service_id);
        if (record->short_link) {
            PLEXUS_TRY(const auto stored, store_->get(store_->all().links, record->short_link->id));
            auto row = stored ? decode_link(*stored) : std::nullopt;
            if (row && !row->fixed.empty() && !row->user.empty())
                out.data =
                    official::link{record->short_link->id, std::move(row->fixed), std::move(row->user)};
            else
                report_.damaged("smp.links", 0, name_of(*id) + ": the data of its link are missing");
        }
        PLEXUS_CHECK(log.line(official::encode(out)));
        if (++queues_ % 100'000 == 0) report_.note(std::to_string(queues_) + " queues");

        PLEXUS_TRY(const auto stored, store_->get(store_->all().waiting, *id));
        if (!stored) return {};
        const auto list = decode_waiting(*stored);
        if (!list) report_.damaged("smp.waiting", 0, name_of(*id) + ": the list of its messages is damaged");
        for (const auto& entry : list ? list->entries : decltype(list->entries)())
            PLEXUS_CHECK(write_message(*id, entry.number, messages));
        return {};
    }

    result<void> write_message(const identifier& queue, std::uint64_t number, line_writer& messages) {
        PLEXUS_TRY(const auto stored, store_->get(store_->all().messages, message_key(number)));
        auto message = stored ? decode_message(*stored) : std::nullopt;
        if (!message) {
            report_.damaged("smp.messages", 0,
                            name_of(queue) + ": message " + std::to_string(number) + " is missing");
            return {};
        }
        if (!message->quota && message->body.empty()) {
            report_.left_out("messages without a body, which would keep an official server from starting");
            return {};
        }
        ++messages_;
        return messages.line(official::encode(official::message_line{queue, std::move(*message)}));
    }

    static bytes bytes_of(const std::optional<identifier>& id) {
        return id ? to_bytes(bytes_view(*id)) : bytes();
    }
    static std::string name_of(const identifier& id) { return "queue " + encoding::base64url_encode(id); }

    const init_call& call_;
    fs::path etc_;
    fs::path var_;
    report report_;
    std::unique_ptr<blocking_store> store_;
    std::uint64_t queues_ = 0;
    std::uint64_t messages_ = 0;
};

} // namespace

result<std::int32_t> run_export(const init_call& call) { return exporter(call).run(); }

} // namespace plexus::smp_server
