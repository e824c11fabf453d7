#include "supervisor.hpp"

#include "plexus/encoding/text.hpp"
#include "plexus/net/raw_stream.hpp"
#include "plexus/net/socket.hpp"
#include "plexus/net/unix_socket.hpp"
#include "plexus/tor_control/onion.hpp"

#include <array>
#include <sys/socket.h>
#include <unistd.h>

namespace plexus::transport_tor {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds look_again = 30ms; // while the control port is not there
constexpr std::chrono::nanoseconds end_patience = 5s; // until a tor that was asked to end is killed
constexpr std::chrono::nanoseconds first_pause = 500ms;
constexpr std::chrono::nanoseconds longest_pause = 60s;
constexpr std::chrono::nanoseconds good_life = 60s; // after that a failure counts as the first
constexpr std::chrono::nanoseconds last_words = 1s; // for the process to end after its control port closed

std::string in_seconds(std::chrono::nanoseconds time) { return std::to_string((time + 500ms) / 1s) + " s"; }

/// A pair of sockets whose one end tor gets: closing ours ends it.
result<std::array<net::descriptor, 2>> make_lifeline() {
    std::array<int, 2> made{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, made.data()) != 0)
        return make_error(status::io, "no pair of sockets can be made", true);
    return std::array<net::descriptor, 2>{net::descriptor(made[0]), net::descriptor(made[1])};
}

} // namespace

std::optional<socks_place> parse_place(std::string_view text) {
    socks_place out;
    if (text.starts_with("unix:")) {
        out.path = text.substr(5);
        return out.path.empty() ? std::nullopt : std::optional(out);
    }
    const auto colon = text.rfind(':');
    auto host = colon == std::string_view::npos ? std::string_view("127.0.0.1") : text.substr(0, colon);
    const auto port =
        encoding::parse_decimal(colon == std::string_view::npos ? text : text.substr(colon + 1), 65'535);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host == "localhost" || host.empty()) host = "127.0.0.1";
    if (!port || *port == 0 || !net::numeric(host, 1)) return std::nullopt;
    out.host = host;
    out.port = static_cast<std::uint16_t>(*port);
    return out;
}

supervisor::supervisor(net::account& account, const clock_view& clock, logger log,
                       const plexus_random* random, worker& files, supervisor_settings settings, handler to)
    : account_(account), clock_(clock), log_(log), random_(random), files_(files),
      settings_(std::move(settings)), handler_(std::move(to)) {}

void supervisor::start() { tasks_.spawn(run()); }

task<void> supervisor::stop() {
    tasks_.cancel();
    co_await tasks_.drained();
    end_life();
    while (process_ && !process_end_) static_cast<void>(co_await sleep_for(account_.loop, 5ms));
    process_.reset();
    folder_.reset();
    now_ = {};
}

task<result<void>> supervisor::renew() {
    if (!session_ || !is_up_)
        co_return make_error(status::unreachable, "tor is not there: " + now_.summary, true);
    std::string line = "SIGNAL NEWNYM";
    std::string what = "new circuits";
    auto said = co_await session_->demand(std::move(line), std::move(what));
    if (!said) co_return std::move(said).error();
    co_return result<void>();
}

// ---- one life after the other

task<void> supervisor::run() {
    unsigned failures = 0;
    while (!tasks_.cancelled()) {
        const auto began = clock_.monotonic();
        bool was_up = false;
        const error why = co_await live(was_up);
        end_life();
        if (tasks_.cancelled()) co_return;
        while (process_ && !process_end_) {
            auto waited = co_await sleep_for(account_.loop, look_again);
            if (!waited) co_return;
        }
        process_.reset();
        if (was_up && clock_.monotonic() - began > good_life) failures = 0;
        const auto pause = pause_after(failures++);
        report(PLEXUS_PROXY_FAILED, 0, why.message() + "; tried again in " + in_seconds(pause),
               !why.retryable() && !was_up);
        const auto again = in_seconds(pause);
        log_.warning("tor is gone", {{"why", why.message()}, {"again_in", again}});
        auto waited = co_await sleep_for(account_.loop, pause);
        if (!waited) co_return;
    }
}

std::chrono::nanoseconds supervisor::pause_after(unsigned failures) {
    const auto whole =
        std::min<std::chrono::nanoseconds>(first_pause * (1LL << std::min(failures, 10U)), longest_pause);
    const auto chance = random_.array<2>();
    const std::int64_t share = 500 + (chance[0] << 8 | chance[1]) % 1'000; // half to one and a half
    return std::min<std::chrono::nanoseconds>(whole * share / 1'000, longest_pause);
}

task<error> supervisor::live(bool& was_up) {
    over_.emplace();
    why_over_.reset();
    process_end_.reset();
    last_trouble_.clear();
    now_.socks = {};
    report(PLEXUS_PROXY_STARTING, 0, is_own() ? "tor is being started" : "tor is being reached");
    if (is_own()) {
        auto launched = co_await launch_own();
        if (!launched) co_return std::move(launched).error();
    }
    auto connection = co_await reach_control_port();
    if (!connection) co_return std::move(connection).error();
    auto ready = co_await talk(std::move(*connection));
    if (!ready) co_return co_await cause(std::move(ready).error());
    was_up = is_up_ = true;
    handler_.up(*session_);
    auto waited = co_await over_->wait();
    if (!waited) co_return std::move(waited).error();
    auto why = why_over_ ? *why_over_ : make_error(status::closed, "tor has ended", true);
    co_return co_await cause(std::move(why));
}

void supervisor::end_life() {
    if (is_up_) handler_.down();
    is_up_ = false;
    session_.reset();
    if (process_ && !process_end_) process_->end(end_patience);
    lifeline_ = net::descriptor();
}

task<error> supervisor::cause(error why) {
    if (!process_) co_return why;
    const auto until = clock_.monotonic() + last_words;
    while (!process_end_ && clock_.monotonic() < until) {
        auto waited = co_await sleep_for(account_.loop, look_again);
        if (!waited) co_return why;
    }
    if (!process_end_) co_return why;
    co_return make_error(status::closed,
                         "tor ended (" + *process_end_ + ")" +
                             (last_trouble_.empty() ? "" : ", and said last: " + last_trouble_),
                         why.retryable());
}

// ---- the process

task<result<void>> supervisor::launch_own() {
    struct found {
        std::string program;
        std::shared_ptr<data_folder> folder;
        torrc_settings torrc;
    };
    using prepared = result<found>;
    const auto outcome = std::make_shared<std::optional<prepared>>();
    const auto done = std::make_shared<event>();
    const auto work = [outcome, name = settings_.program, path = settings_.folder, held = folder_,
                       torrc = settings_.torrc] {
        const auto prepare = [&]() -> prepared {
            found out;
            PLEXUS_TRY(out.program, find_program(name));
            out.folder = held;
            if (!held) {
                PLEXUS_TRY(out.folder, data_folder::open(path));
            }
            out.torrc = torrc;
            PLEXUS_TRY(const auto more, out.folder->torrc());
            out.torrc.more.insert(out.torrc.more.end(), more.begin(), more.end());
            PLEXUS_CHECK(check_torrc(out.torrc));
            out.folder->remove_sockets();
            return out;
        };
        outcome->emplace(prepare());
    };
    const auto kept = std::make_shared<net::hold>(account_);
    if (!files_.submit(work, [done, kept] { done->set(); }))
        co_return make_error(status::stopping, "stopping");
    auto waited = co_await done->wait();
    if (!waited) co_return waited;
    if (!**outcome) co_return std::move(**outcome).error();
    folder_ = (**outcome)->folder;

    auto pair = make_lifeline();
    if (!pair) co_return std::move(pair).error();
    lifeline_ = std::move((*pair)[0]);
    launch what;
    what.program = (**outcome)->program;
    what.arguments = {"-f", "-", "--defaults-torrc", "/nonexistent/plexus", "--hush"};
    what.folder = folder_->path();
    what.input = torrc_text((**outcome)->torrc, folder_->path(), ::getpid(), lifeline_number);
    what.lifeline = (*pair)[1].get();
    process::handler hear;
    hear.said = [this](std::string_view line) { said(line); };
    hear.ended = [this](const std::string& how) {
        process_end_ = how;
        if (!why_over_) why_over_ = make_error(status::closed, "tor ended", true);
        over_->set();
    };
    auto started = process::start(account_.loop, what, std::move(hear));
    if (!started) co_return std::move(started).error();
    process_ = std::move(*started);
    const auto number = std::to_string(process_->id());
    log_.info("tor was started", {{"program", what.program}, {"pid", number}, {"data", what.folder}});
    co_return result<void>();
}

void supervisor::said(std::string_view line) {
    using severity = tor_control::log_line::severity;
    const auto found = tor_control::parse_log_line(line);
    const bool trouble = found.level == severity::error || found.level == severity::warning;
    // The last error only says that the warning before it was fatal.
    if (found.level == severity::warning || (trouble && last_trouble_.empty())) last_trouble_ = found.text;
    const std::string text = "tor: " + found.text;
    switch (found.level) {
    case severity::error: return log_.error(text);
    case severity::warning: return log_.warning(text);
    default: return log_.debug(text);
    }
}

// ---- the control port

result<net::descriptor> supervisor::connect_control() const {
    if (is_own()) return net::begin_connect_unix(folder_->socket(control_socket));
    const auto place = parse_place(settings_.control);
    if (!place) return make_error(status::invalid, "control: " + settings_.control + " is no address");
    if (!place->path.empty()) return net::begin_connect_unix(place->path);
    return net::begin_connect(*net::numeric(place->host, place->port), 30s);
}

task<result<void>> supervisor::connected(int socket) {
    event ready;
    watch writable(account_.loop, socket, [&ready](std::uint32_t) { ready.set(); });
    timer limit(account_.loop, [&ready] { ready.fail(make_error(status::timeout, "no answer", true)); });
    writable.interest(PLEXUS_WRITABLE);
    limit.arm(settings_.start_patience);
    auto waited = co_await ready.wait();
    if (!waited) co_return waited;
    const int number = net::outcome_of_connect(socket);
    if (number != 0) co_return net::connect_error(settings_.control, number);
    co_return result<void>();
}

task<result<net::descriptor>> supervisor::reach_control_port() {
    const auto until = clock_.monotonic() + settings_.start_patience;
    while (true) {
        if (process_end_) {
            auto why = make_error(status::io, "tor ended before its control port opened");
            co_return co_await cause(std::move(why));
        }
        auto socket = connect_control();
        if (socket) {
            auto stands = co_await connected(socket->get());
            if (stands) co_return socket;
            socket = std::move(stands).error();
        }
        if (!is_own()) {
            const auto& why = socket.error();
            co_return error("plexus", why.code(), "tor's control port cannot be reached: " + why.message(),
                            false);
        }
        if (clock_.monotonic() > until)
            co_return make_error(status::timeout, "tor did not open its control port within " +
                                                      in_seconds(settings_.start_patience));
        auto waited = co_await sleep_for(account_.loop, look_again);
        if (!waited) co_return std::move(waited).error();
    }
}

task<result<void>> supervisor::talk(net::descriptor connection) {
    const std::string name = is_own() ? "tor's control port" : settings_.control;
    auto carried = std::make_unique<net::socket_carrier>(account_.loop, std::move(connection));
    auto raw = std::make_unique<net::raw_stream>(account_, std::move(carried), name);
    raw->open();
    control_session::handler hear;
    hear.event = [this](const tor_control::event& what) { told(what); };
    hear.broken = [this](const error& why) {
        if (!why_over_) why_over_ = why;
        over_->set();
    };
    session_ = std::make_unique<control_session>(account_, stream(raw.release()), settings_.answer_patience,
                                                 std::move(hear));
    auto known = co_await session_->authenticate(settings_.control_password, random_, files_);
    if (!known) co_return known;
    log_.info("tor answers", {{"version", session_->version()}});
    if (is_own()) {
        std::string line = "TAKEOWNERSHIP";
        std::string what = "to be owned";
        auto owned = co_await session_->demand(std::move(line), std::move(what));
        if (!owned) co_return std::move(owned).error();
    }
    std::string events = "SETEVENTS STATUS_CLIENT STATUS_GENERAL HS_DESC";
    std::string wanted = "to tell how it is";
    auto heard = co_await session_->demand(std::move(events), std::move(wanted));
    if (!heard) co_return std::move(heard).error();
    for (const auto& each : settings_.client_keys) {
        auto line = tor_control::add_client_key(each);
        if (!line) continue; // checked when the plugin was initialised
        auto taken = co_await session_->ask(std::move(*line));
        if (!taken) co_return std::move(taken).error();
        const auto answer = taken->text();
        if (!taken->is_success()) log_.warning("tor refuses a client key", {{"why", answer}});
    }
    co_return co_await look_around();
}

task<result<void>> supervisor::look_around() {
    std::string line = "GETINFO status/bootstrap-phase status/circuit-established net/listeners/socks";
    std::string what = "to tell how far it is";
    auto found = co_await session_->demand(std::move(line), std::move(what));
    if (!found) co_return std::move(found).error();
    std::optional<socks_place> place;
    if (is_own()) {
        place.emplace();
        place->path = folder_->socket(socks_socket);
        place->folder = folder_;
    } else if (!settings_.socks.empty()) {
        place = parse_place(settings_.socks);
    } else {
        for (const auto& each :
             tor_control::parse_listeners(found->value("net/listeners/socks").value_or("")))
            if (!place) place = parse_place(each);
    }
    if (!place)
        co_return make_error(status::not_found,
                             "tor has no SOCKS port: add \"SocksPort 9050\" to its torrc, or name "
                             "one with socks");
    now_.socks = *place;
    const auto phase = tor_control::parse_bootstrap(found->value("status/bootstrap-phase").value_or(""));
    if (phase) bootstrapped(*phase);
    if (found->value("status/circuit-established") == "1" && now_.state != PLEXUS_PROXY_READY)
        report(PLEXUS_PROXY_READY, 100, "circuits can be built");
    co_return result<void>();
}

// ---- what tor tells

void supervisor::told(const tor_control::event& what) {
    if (what.bootstrap) bootstrapped(*what.bootstrap);
    if (what.circuits == true && has_place()) report(PLEXUS_PROXY_READY, 100, "circuits can be built");
    if (what.circuits == false && now_.state == PLEXUS_PROXY_READY)
        report(PLEXUS_PROXY_READY, 100, "no circuit stands at the moment");
    // That somebody dials a number is in the address of a server, and no leak of a name.
    const bool matters = !what.trouble.empty() && !what.trouble.starts_with("DANGEROUS_SOCKS");
    if (matters) log_.warning("tor has trouble", {{"what", what.trouble}});
    if (what.descriptor) handler_.descriptor(*what.descriptor);
}

void supervisor::bootstrapped(const tor_control::bootstrap_phase& phase) {

    if (phase.percent == 100 && has_place()) return report(PLEXUS_PROXY_READY, 100, "circuits can be built");
    if (now_.state == PLEXUS_PROXY_READY) return;
    if (phase.warning.empty()) return report(PLEXUS_PROXY_STARTING, phase.percent, phase.summary);
    const auto hindered = phase.summary + ", but: " + phase.warning;
    if (hindered != now_.summary) log_.warning("tor does not get on", {{"why", hindered}});
    report(PLEXUS_PROXY_STARTING, phase.percent, hindered);
}

void supervisor::report(std::uint32_t state, std::uint32_t percent, std::string summary, bool hopeless) {
    if (now_.state == state && now_.percent == percent && now_.summary == summary) return;
    const bool is_news = now_.state != state;
    now_.state = state;
    now_.percent = percent;
    now_.summary = std::move(summary);
    now_.hopeless = hopeless;
    if (state != PLEXUS_PROXY_FAILED) { // why it failed was logged
        const auto share = std::to_string(percent);
        std::string_view text = now_.summary;
        if (state == PLEXUS_PROXY_READY) text = "tor is ready";
        log_.write(is_news ? PLEXUS_LOG_INFO : PLEXUS_LOG_DEBUG, text, {{"percent", share}});
    }
    handler_.changed(now_);
}

} // namespace plexus::transport_tor
