#include "control_session.hpp"

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace plexus::transport_tor {
namespace {

using tor_control::authentication;
using tor_control::control_error;

constexpr std::size_t most_questions = 1'024;

} // namespace

result<secret_bytes> read_cookie(const std::string& path) {
    const auto failed = [&path] {
        return make_error(status::io, path + ": " + std::generic_category().message(errno));
    };
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0) return failed();
    secret_bytes room(tor_control::cookie_size + 1);
    const auto got = ::read(file, room.data(), room.size());
    auto why = failed();
    ::close(file);
    if (got < 0) return why;
    return secret_bytes(bytes_view(room.data(), static_cast<std::size_t>(got)));
}

control_session::control_session(net::account& account, stream connection,
                                 std::chrono::nanoseconds answer_patience, handler to)
    : account_(account), answer_patience_(answer_patience), handler_(std::move(to)),
      connection_(std::move(connection)), patience_(account.loop, [this] {
          const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(answer_patience_).count();
          fail(make_error(status::timeout,
                          "tor did not answer at its control port within " + std::to_string(seconds) + " s",
                          true));
      }) {
    static constexpr plexus_stream_handler table{
        [](void* context) { static_cast<control_session*>(context)->read(); },
        [](void* context) { static_cast<control_session*>(context)->write(); }};
    connection_.set_handler(&table, this);
    read();
}

control_session::~control_session() {
    for (auto& each : questions_)
        settle(std::move(each), make_error(status::closed, "the control port was left"));
}

void control_session::post(std::function<void()> what) {
    account_.loop.post(static_cast<std::uint32_t>(account_.loop.current_shard()), std::move(what));
}

void control_session::settle(std::shared_ptr<question> one, std::optional<error> why) {
    post([one = std::move(one), why = std::move(why)] {
        if (why)
            one->answered.fail(*why);
        else
            one->answered.set();
    });
}

void control_session::fail(error why) {
    if (failure_) return;
    failure_ = why;
    patience_.disarm();
    for (auto& each : std::exchange(questions_, {})) settle(std::move(each), why);
    post([this, why, alive = std::weak_ptr<int>(life_)] {
        if (!alive.expired()) handler_.broken(why);
    });
}

void control_session::read() {
    std::array<std::uint8_t, 4096> buffer{};
    while (!failure_) {
        const auto taken = connection_.try_read(buffer);
        if (!taken) {
            if (taken.error().is(status::would_block)) return;
            return fail(
                make_error(status::closed,
                           "tor closed its control port" +
                               (taken.error().is(status::closed) ? "" : ": " + taken.error().message()),
                           true));
        }
        const auto fed = reader_.feed(bytes_view(buffer).first(*taken));
        while (auto one = reader_.next()) take(std::move(*one));
        wipe(buffer.data(), *taken);
        if (!fed) return fail(make_error(status::protocol, fed.error().message()));
    }
}

void control_session::take(tor_control::reply&& one) {
    if (one.is_event()) return handler_.event(tor_control::parse_event(one));
    if (questions_.empty())
        return fail(
            make_error(status::protocol, "the control port answered what nobody asked: " + one.text()));
    auto asked = std::move(questions_.front());
    questions_.pop_front();
    if (questions_.empty())
        patience_.disarm();
    else
        patience_.arm(answer_patience_);
    asked->answer = std::move(one);
    settle(std::move(asked), std::nullopt);
}

void control_session::write() {
    while (!failure_ && !to_send_.empty()) {
        const auto& line = to_send_.front();
        const auto given = connection_.try_write(bytes_view(line).subspan(sent_));
        if (!given) {
            if (given.error().is(status::would_block)) return;
            return fail(
                make_error(status::closed, "tor closed its control port: " + given.error().message(), true));
        }
        sent_ += *given;
        if (sent_ < line.size()) continue;
        to_send_.pop_front();
        sent_ = 0;
    }
}

task<result<tor_control::reply>> control_session::ask(secret_bytes line) {
    if (failure_) co_return *failure_;
    if (questions_.size() >= most_questions)
        co_return make_error(status::limit, "too many commands wait for an answer of tor");
    const auto one = std::make_shared<question>();
    if (questions_.empty()) patience_.arm(answer_patience_);
    questions_.push_back(one);
    to_send_.push_back(std::move(line));
    if (to_send_.size() == 1) write();
    auto answered = co_await one->answered.wait();
    if (!answered) co_return std::move(answered).error();
    co_return std::move(*one->answer);
}

task<result<tor_control::reply>> control_session::demand(std::string line, std::string what) {
    auto command = tor_control::command(line);
    auto said = co_await ask(std::move(command));
    if (said && !said->is_success())
        co_return make_error(status::io, "tor refuses " + what + ": " + said->text());
    co_return said;
}

task<result<void>> control_session::authenticate(secret_bytes password, crypto::random_source& random,
                                                 worker& files) {
    authentication exchange(std::move(password), random);
    result<authentication::step> step = exchange.begin();
    while (true) {
        if (!step) {
            const bool impostor = step.error().is(control_error::impostor);
            co_return make_error(impostor ? status::identity : status::denied, step.error().message());
        }
        if (step->what == authentication::doing::done) break;
        if (step->what == authentication::doing::send) {
            auto said = co_await ask(std::move(step->command));
            if (!said) co_return std::move(said).error();
            step = exchange.on_reply(*said);
            continue;
        }
        const auto path = step->cookie_file;
        const auto done = std::make_shared<event>();
        const auto kept = std::make_shared<net::hold>(account_);
        const auto found = std::make_shared<std::optional<result<secret_bytes>>>();
        if (!files.submit([path, found] { found->emplace(read_cookie(path)); },
                          [done, kept] { done->set(); }))
            co_return make_error(status::stopping, "stopping");
        auto waited = co_await done->wait();
        if (!waited) co_return waited;
        step = exchange.on_cookie(**found);
    }
    version_ = exchange.version();
    co_return result<void>();
}

} // namespace plexus::transport_tor
