#include "import.hpp"

#include "ini.hpp"
#include "line_file.hpp"
#include "pem.hpp"
#include "server_folder.hpp"
#include "store_writer.hpp"

#include "plexus/encoding/base64.hpp"
#include "plexus/smp/server.hpp"

#include <charconv>
#include <fstream>

namespace plexus::smp_server {
namespace {

namespace fs = std::filesystem;

/// The configuration's name until everything is in the store, so that nobody starts half a server.
constexpr const char* unfinished_file = "import.toml";

struct official_files {
    fs::path ini, authority, authority_key, certificate, key, fingerprint, queues, messages, journals,
        notifications;
};

/// The first folder that has a file of that name; empty: none.
fs::path find_file(const std::vector<fs::path>& folders, const char* name) {
    std::error_code failed;
    for (const auto& folder : folders)
        if (fs::exists(folder / name, failed)) return folder / name;
    return {};
}

result<official_files> find_files(const std::vector<fs::path>& folders) {
    official_files out;
    const auto need = [&](fs::path& into, const char* name) -> result<void> {
        into = find_file(folders, name);
        if (!into.empty()) return {};
        return make_error(status::not_found, std::string(name) +
                                                 " is in none of the folders given: name the one with the "
                                                 "configuration (/etc/opt/simplex) and the one with the data "
                                                 "(/var/opt/simplex)");
    };
    PLEXUS_CHECK(need(out.authority, "ca.crt"));
    PLEXUS_CHECK(need(out.certificate, "server.crt"));
    PLEXUS_CHECK(need(out.key, "server.key"));
    PLEXUS_CHECK(need(out.ini, "smp-server.ini"));
    out.authority_key = find_file(folders, "ca.key");
    out.fingerprint = find_file(folders, "fingerprint");
    // A copy with this name is left by a start that was cut off, and is the whole one then.
    out.queues = find_file(folders, "smp-server-store.log.start");
    if (out.queues.empty()) PLEXUS_CHECK(need(out.queues, "smp-server-store.log"));
    out.messages = find_file(folders, "smp-server-messages.log");
    out.journals = find_file(folders, "messages");
    out.notifications = find_file(folders, "smp-server-ntfs.log");
    if (!out.messages.empty() && !out.journals.empty())
        return make_error(status::invalid, "both " + out.messages.string() + " and " + out.journals.string() +
                                               " are there, and one is old: move that one away (the setting "
                                               "store_messages tells which the server uses)");
    return out;
}

class importer {
  public:
    importer(const init_call& call, official_files from, fs::path to)
        : call_(call), from_(std::move(from)), to_(std::move(to)), report_(call),
          strict_(call.options.boolean("strict")) {}

    result<std::int32_t> run() {
        PLEXUS_CHECK(copy_identity());
        PLEXUS_CHECK(write_config());
        PLEXUS_CHECK(fill_store());
        if (strict_ && report_.damaged_count() > 0)
            return make_error(status::corrupt,
                              std::to_string(report_.damaged_count()) +
                                  " lines or files are damaged: nothing was imported (without "
                                  "--strict they are left out)");
        std::error_code failed;
        fs::rename(to_ / unfinished_file, to_ / config_file, failed);
        if (failed)
            return make_error(status::io,
                              "cannot write " + (to_ / config_file).string() + ": " + failed.message());
        report_.end();
        PLEXUS_TRY(const auto address, read_file((to_ / address_file).string()));
        call_.print("imported: " + std::to_string(queues_) + " queues, " + std::to_string(links_) +
                    " links, " + std::to_string(messages_) +
                    " messages. Start the server with plexusd start " + to_.string() + "\n" +
                    plexus::to_string(address));
        return report_.is_complete() ? 0 : exit_incomplete;
    }

  private:
    result<void> copy(const fs::path& from, const char* name, mode_t mode) {
        PLEXUS_TRY(const auto content, read_secret_file(from.string()));
        return create_file(to_ / name, content, mode);
    }

    result<void> copy_identity() {
        std::error_code failed;
        if (to_.has_parent_path()) fs::create_directories(to_.parent_path(), failed);
        if (::mkdir(to_.c_str(), S_IRWXU) != 0 && errno != EEXIST)
            return make_error(status::io, "cannot make the folder " + to_.string() + ": " +
                                              std::generic_category().message(errno));
        if (!fs::is_empty(to_, failed) && !fs::exists(to_ / unfinished_file, failed))
            return make_error(status::exists,
                              to_.string() + " is not empty: import makes a new server, give a new folder");
        PLEXUS_CHECK(
            create_file(to_ / unfinished_file, as_bytes(std::string_view("# unfinished\n")), for_owner));
        for (const auto* name :
             {authority_file, authority_key_file, server_key_file, chain_file, address_file})
            fs::remove(to_ / name, failed); // of an import that was cut off
        PLEXUS_TRY(const auto authority_pem, read_file(from_.authority.string()));
        PLEXUS_TRY(const auto authority, certificates_of(as_text(authority_pem)));
        PLEXUS_TRY(const auto chain_pem, read_file(from_.certificate.string()));
        PLEXUS_TRY(auto chain, certificates_of(as_text(chain_pem)));
        if (chain.back() != authority.front()) chain.push_back(authority.front());
        std::string text;
        for (const auto& each : chain) text += certificate_pem(each);
        PLEXUS_TRY(const auto key_pem, read_secret_file(from_.key.string()));
        PLEXUS_TRY(auto key, private_key_of(as_text(key_pem)));
        PLEXUS_TRY(const auto identity, smp::make_server_identity(chain, std::move(key)));
        PLEXUS_CHECK(create_file(to_ / chain_file, as_bytes(text), for_all));
        PLEXUS_CHECK(create_file(to_ / server_key_file, key_pem, for_owner));
        PLEXUS_CHECK(create_file(to_ / authority_file, authority_pem, for_all));
        if (!from_.authority_key.empty())
            PLEXUS_CHECK(copy(from_.authority_key, authority_key_file, for_owner));
        fingerprint_ = identity.fingerprint;
        return {};
    }

    result<void> write_config() {
        PLEXUS_TRY(const auto text, read_file(from_.ini.string()));
        const auto ini = official::parse_ini(as_text(text));
        for (const auto line : ini.damaged)
            report_.damaged(from_.ini, line, "neither a section nor a setting");
        const auto settings = official::settings_of(ini);
        for (const auto& each : settings.not_taken) {
            report_.note("no counterpart here: " + each);
        }
        server_config out;
        for (const auto& name : settings.hosts) {
            if (auto host = encoding::parse_host(name))
                out.hosts.push_back(std::move(*host));
            else
                report_.damaged(from_.ini, 0, "'" + name + "' is no host name");
        }
        if (out.hosts.empty()) out.hosts.push_back({encoding::host_kind::domain, "localhost"});
        for (std::size_t i = 0; i < settings.ports.size(); ++i) {
            const auto& port = settings.ports[i];
            std::uint16_t number = 0;
            const auto [end, bad] = std::from_chars(port.data(), port.data() + port.size(), number);
            if (bad != std::errc() || number == 0 || end != port.data() + port.size())
                report_.damaged(from_.ini, 0, "'" + port + "' is no port");
            else if (i == 0)
                out.port = number;
            else
                report_.note("no counterpart here: [TRANSPORT] port = " + port + ", beside the first");
        }
        out.password = settings.password;
        if (!smp::is_password(as_bytes(out.password)))
            return make_error(status::invalid,
                              "create_password in " + from_.ini.string() + " is no password");
        if (!settings.new_queues) out.more += "new-queues = false\n";
        out.more += "message-lifetime = \"" + std::to_string(settings.message_days) + "d\"\n";
        constexpr std::uint64_t idle_most = 864'000;
        if (settings.idle_seconds > 0)
            out.more +=
                "idle-timeout = \"" + std::to_string(std::min(settings.idle_seconds, idle_most)) + "s\"\n";
        std::error_code failed;
        fs::remove(to_ / unfinished_file, failed);
        PLEXUS_CHECK(create_file(to_ / unfinished_file, as_bytes(config_text(out)), for_owner));
        PLEXUS_CHECK(create_file(to_ / address_file, as_bytes(address_text(out, fingerprint_)), for_owner));
        if (from_.fingerprint.empty()) return {};
        PLEXUS_TRY(const auto stored, read_file(from_.fingerprint.string()));
        const auto known = encoding::base64url_decode(as_text(stored).substr(0, as_text(stored).find('\n')));
        if (!known || !equal(*known, fingerprint_))
            report_.damaged(from_.fingerprint, 1,
                            "it is not the fingerprint of the certificates: clients that know "
                            "it will not accept this server");
        return {};
    }

    result<void> fill_store() {
        PLEXUS_TRY(store_, blocking_store::open(call_.host, (to_ / unfinished_file).string()));
        const auto& all = store_->all();
        for (auto* table :
             {all.queues, all.senders, all.links, all.notifiers, all.waiting, all.messages, all.suspended,
              all.services, all.service_prints, all.served, all.notifications, all.meta})
            PLEXUS_CHECK(store_->clear(table));
        store_writer writer(*store_, report_);
        PLEXUS_CHECK(each_line(from_.queues, [&](std::string_view line, const store_writer::place& at) {
            auto parsed = official::parse_log_line(line);
            if (parsed) return writer.apply(*parsed, at);
            report_.damaged(at.file, at.line, parsed.error().message());
            return result<void>();
        }));
        if (!from_.messages.empty())
            PLEXUS_CHECK(each_line(from_.messages, [&](std::string_view line, const store_writer::place& at) {
                auto parsed = official::parse_message_line(line);
                if (parsed) return writer.add(parsed->recipient_id, parsed->message, at);
                report_.damaged(at.file, at.line, parsed.error().message());
                return result<void>();
            }));
        if (!from_.journals.empty()) PLEXUS_CHECK(read_journals(writer));
        if (!from_.notifications.empty())
            PLEXUS_CHECK(
                each_line(from_.notifications, [&](std::string_view line, const store_writer::place& at) {
                    auto parsed = official::parse_notification_line(line);
                    if (parsed) return writer.add(*parsed, at);
                    report_.damaged(at.file, at.line, parsed.error().message());
                    return result<void>();
                }));
        PLEXUS_CHECK(writer.finish());
        messages_ = writer.messages();
        const auto count = [](std::uint64_t& into) {
            return [&into](const bytes&, const bytes&) {
                ++into;
                return result<void>();
            };
        };
        PLEXUS_CHECK(store_->each(all.queues, count(queues_)));
        PLEXUS_CHECK(store_->each(all.links, count(links_)));
        store_.reset();
        return {};
    }

    template <typename Line>
    result<void> each_line(const fs::path& file, Line each) {
        PLEXUS_TRY(auto lines, line_file::open(file));
        std::string_view line;
        for (;;) {
            PLEXUS_TRY(const bool more, lines.next(line));
            if (!more) return {};
            report_.progress(file, lines.number());
            if (lines.too_long())
                report_.damaged(file, lines.number(), "the line is longer than any that a server writes");
            else if (!line.empty())
                PLEXUS_CHECK(each(line, {file, lines.number()}));
        }
    }

    // ---- the folder of journals

    result<void> read_journals(store_writer& writer) {
        std::error_code failed;
        std::uint64_t files = 0;
        constexpr std::string_view before = "queue_state.";
        constexpr std::string_view after = ".log";
        for (fs::recursive_directory_iterator next(from_.journals, failed), end; !failed && next != end;
             next.increment(failed)) {
            const auto name = next->path().filename().string();
            if (!name.starts_with(before) || !name.ends_with(after)) continue;
            report_.progress(from_.journals, ++files);
            const auto id = encoding::base64url_decode(
                std::string_view(name).substr(before.size(), name.size() - before.size() - after.size()));
            const auto queue = id ? to_identifier(*id) : std::nullopt;
            if (!queue) {
                report_.damaged(next->path(), 0, "its name has no queue id");
                continue;
            }
            PLEXUS_CHECK(read_journal(next->path(), *queue, writer));
        }
        if (failed)
            return make_error(status::io, "cannot read " + from_.journals.string() + ": " + failed.message());
        return {};
    }

    result<void> read_journal(const fs::path& file, const identifier& queue, store_writer& writer) {
        std::error_code failed;
        // As above: a copy of this name is the whole one.
        auto whole = file;
        whole += ".bak";
        std::optional<official::journal_state> state;
        std::uint64_t number = 0;
        std::string why;
        const auto take = [&](std::string_view line, const store_writer::place& at) -> result<void> {
            auto parsed = official::parse_journal_state(line);
            number = at.line;
            why = parsed ? "" : parsed.error().message();
            if (parsed) state = std::move(*parsed);
            return {};
        };
        PLEXUS_CHECK(each_line(fs::exists(whole, failed) ? whole : file, take));
        if (!why.empty()) report_.damaged(file, number, why); // the line before it counts
        if (!state || state->size == 0) return {};
        std::uint64_t found = 0;
        PLEXUS_CHECK(read_messages(file.parent_path(), state->read_file, state->read_bytes,
                                   state->read_bytes_end, queue, writer, found));
        if (state->write_file != state->read_file)
            PLEXUS_CHECK(read_messages(file.parent_path(), state->write_file, 0, state->write_bytes_end,
                                       queue, writer, found));
        if (found != state->size)
            report_.damaged(file, number,
                            "it says that " + std::to_string(state->size) + " messages wait, and " +
                                std::to_string(found) + " were found");
        return state->can_write ? result<void>() : writer.set_full(queue);
    }

    result<void> read_messages(const fs::path& folder, const std::string& journal, std::uint64_t from,
                               std::uint64_t to, const identifier& queue, store_writer& writer,
                               std::uint64_t& found) {
        const auto file = folder / ("messages." + journal + ".log");
        std::error_code failed;
        if (!fs::exists(file, failed) || from > to) {
            report_.damaged(file, 0, from > to ? "its state is impossible" : "it is missing");
            return {};
        }
        PLEXUS_TRY(auto lines, line_file::open(file, from, to));
        std::string_view line;
        for (;;) {
            PLEXUS_TRY(const bool more, lines.next(line));
            if (!more) return {};
            auto parsed = lines.too_long() ? result<stored_message>(make_error(status::invalid, "too long"))
                                           : official::parse_journal_line(line);
            if (!parsed) {
                report_.damaged(file, lines.number(),
                                parsed.error().message() + " (lines from byte " + std::to_string(from) +
                                    " on)");
                continue;
            }
            ++found;
            PLEXUS_CHECK(writer.add(queue, *parsed, {file, lines.number()}));
        }
    }

    const init_call& call_;
    official_files from_;
    fs::path to_;
    report report_;
    bool strict_;
    smp::key_hash fingerprint_{};
    std::unique_ptr<blocking_store> store_;
    std::uint64_t queues_ = 0;
    std::uint64_t links_ = 0;
    std::uint64_t messages_ = 0;
};

} // namespace

result<std::int32_t> run_import(const init_call& call) {
    std::vector<fs::path> folders(call.arguments.begin(), call.arguments.end());
    const auto to = folders.back();
    folders.pop_back();
    PLEXUS_TRY(auto files, find_files(folders));
    return importer(call, std::move(files), to).run();
}

} // namespace plexus::smp_server
