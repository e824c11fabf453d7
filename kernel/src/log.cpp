#include "log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <mutex>
#include <system_error>

#include "plexus/bytes.hpp"
#include "plexus/kernel/kernel.hpp"
#include "thread.hpp"

namespace plexus::kernel {
namespace {

constexpr std::size_t queue_most = std::size_t{1} << 20; // bytes
constexpr auto flush_most = std::chrono::seconds(2);

std::string_view level_name(std::uint32_t level) {
    switch (level) {
    case PLEXUS_LOG_ERROR: return "error";
    case PLEXUS_LOG_WARNING: return "warning";
    case PLEXUS_LOG_INFO: return "info";
    case PLEXUS_LOG_DEBUG: return "debug";
    default: return "trace";
    }
}

std::string utc(std::int64_t wall_ns) {
    const std::time_t seconds = wall_ns / 1'000'000'000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[96];
    std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                  parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                  static_cast<int>(wall_ns / 1'000'000 % 1000));
    return text;
}

/// The length of the UTF-8 character at the front of `text` that is printable, 0 if there is none.
std::size_t printable(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const auto follows = [&](std::size_t count) {
        if (text.size() <= count) return false;
        for (std::size_t i = 1; i <= count; ++i)
            if ((at(i) & 0xc0) != 0x80) return false;
        return true;
    };
    const std::uint8_t first = at(0);
    if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
    if (first >= 0xc2 && first <= 0xdf) return follows(1) && (first != 0xc2 || at(1) >= 0xa0) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        if (!follows(2) || (first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) >= 0xa0)) return 0;
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (!follows(3) || (first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) >= 0x90)) return 0;
        return 4;
    }
    return 0;
}

void append_escaped(std::string& out, std::string_view text, bool json) {
    while (!text.empty()) {
        std::size_t size = printable(text);
        const char first = text[0];
        if (size == 0) {
            char code[8];
            if (first == '\n')
                out += "\\n";
            else if (first == '\t')
                out += "\\t";
            else {
                const unsigned value = static_cast<std::uint8_t>(first);
                std::snprintf(code, sizeof code, json ? "\\u%04x" : "\\x%02x",
                              value < 0x80 || !json ? value : 0xfffdU);
                out += code;
            }
            size = 1;
        } else if (first == '"' || first == '\\') {
            if (json || first == '"') out += '\\';
            out += first;
        } else {
            out += text.substr(0, size);
        }
        text.remove_prefix(size);
    }
}

std::string_view text_of(const plexus_view& view) {
    return {reinterpret_cast<const char*>(view.data), static_cast<std::size_t>(view.size)};
}

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    append_escaped(out, text, true);
    out += '"';
}

} // namespace

std::string format_text(const log_event& event) {
    std::string out = utc(event.wall_ns);
    out += ' ';
    out += level_name(event.level);
    out += ' ';
    out += event.instance;
    if (event.shard >= 0) out += "[" + std::to_string(event.shard) + "]";
    out += ": ";
    std::string_view message = event.message;
    while (!message.empty()) { // quotes stand as they are in the sentence, and are escaped in values
        const auto quote = std::min(message.find('"'), message.size());
        append_escaped(out, message.substr(0, quote), false);
        if (quote < message.size()) out += '"';
        message.remove_prefix(std::min(quote + 1, message.size()));
    }
    for (std::uint32_t i = 0; i < event.field_count; ++i) {
        const std::string_view value = text_of(event.fields[i].value);
        out += ' ';
        append_escaped(out, text_of(event.fields[i].key), false);
        out += '=';
        const bool quoted = value.empty() || value.find_first_of(" =\"") != std::string_view::npos;
        if (quoted) out += '"';
        append_escaped(out, value, false);
        if (quoted) out += '"';
    }
    return out;
}

std::string format_json(const log_event& event) {
    std::string out = R"({"time":")" + utc(event.wall_ns) + R"(","level":")";
    out += level_name(event.level);
    out += R"(","instance":)";
    append_quoted(out, event.instance);
    if (event.shard >= 0) out += ",\"shard\":" + std::to_string(event.shard);
    out += ",\"message\":";
    append_quoted(out, event.message);
    if (event.field_count != 0) {
        out += ",\"fields\":{";
        for (std::uint32_t i = 0; i < event.field_count; ++i) {
            if (i != 0) out += ',';
            append_quoted(out, text_of(event.fields[i].key));
            out += ':';
            append_quoted(out, text_of(event.fields[i].value));
        }
        out += '}';
    }
    out += '}';
    return out;
}

struct line_writer::state {
    int descriptor = STDERR_FILENO;
    std::mutex mutex;
    std::condition_variable wake;
    std::condition_variable drained;
    std::string queue;
    std::uint64_t lost = 0;
    bool running = false;
    bool ends = false;

    ~state() {
        if (descriptor != STDERR_FILENO) close(descriptor);
    }

    static void work(const std::shared_ptr<state>& self) {
        std::unique_lock lock(self->mutex);
        while (true) {
            self->wake.wait(lock, [&] { return self->ends || !self->queue.empty(); });
            if (self->queue.empty()) break;
            std::string batch;
            batch.swap(self->queue);
            if (self->lost != 0)
                batch += "(" + std::to_string(self->lost) + " log lines lost: the log is too slow)\n";
            self->lost = 0;
            lock.unlock();
            self->write_all(batch);
            lock.lock();
        }
        self->running = false;
        self->drained.notify_all();
    }

    void write_all(std::string_view batch) const {
        while (!batch.empty()) {
            const ssize_t written = ::write(descriptor, batch.data(), batch.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return; // nowhere left to report it
            batch.remove_prefix(static_cast<std::size_t>(written));
        }
    }
};

line_writer::line_writer(std::shared_ptr<state> shared) : state_(std::move(shared)) {}

result<std::unique_ptr<line_writer>> line_writer::open(const std::filesystem::path& file) {
    auto shared = std::make_shared<state>();
    if (!file.empty()) {
        shared->descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (shared->descriptor < 0) {
            const int code = errno;
            shared->descriptor = STDERR_FILENO;
            return make_error(kernel_error::io, "cannot open the log file " + file.string() + ": " +
                                                    std::generic_category().message(code));
        }
    }
    return std::unique_ptr<line_writer>(new line_writer(std::move(shared)));
}

line_writer::~line_writer() {
    std::unique_lock lock(state_->mutex);
    state_->ends = true;
    state_->wake.notify_one();
    state_->drained.wait_for(lock, flush_most, [this] { return !state_->running; });
}

void line_writer::write(std::string_view line) {
    const std::lock_guard lock(state_->mutex);
    if (state_->queue.size() + line.size() >= queue_most) {
        ++state_->lost;
        return;
    }
    state_->queue += line;
    state_->queue += '\n';
    if (!state_->running) {
        state_->running = true;
        make_thread("plexus-log", [self = state_] { state::work(self); }).detach();
    }
    state_->wake.notify_one();
}

logger::logger(std::uint32_t level, bool json, std::function<void(std::string_view line)> sink)
    : level_(level), json_(json), sink_(std::move(sink)) {}

void logger::write(const log_event& event) {
    if (enabled(event.level)) sink_(json_ ? format_json(event) : format_text(event));
}

} // namespace plexus::kernel
