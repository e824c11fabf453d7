// The workload `soak`: messages for a long time, while connections and queues come and go, with figures for
// each interval.
#include "traffic.hpp"
#include "workloads.hpp"

#include <cstdio>
#include <memory>

namespace plexus::bench {
namespace {

using clock = std::chrono::steady_clock;

double milliseconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

/// Replaces queues and connections, one at a time: it waits until no message is under way in what it takes
/// away, so that none can be lost or doubled by that.
class churner {
  public:
    churner(load& on, traffic& messages, const options& with)
        : load_(on), messages_(messages),
          random_key_(crypto::private_key::generate(crypto::key_type::x25519, random_)),
          authorization_(with.authorization) {}

    /// So many more are to be replaced.
    void add(std::size_t queues, std::size_t connections) {
        queues_to_do_ += queues;
        connections_to_do_ += connections;
    }
    std::uint64_t replaced() const noexcept { return replaced_; }
    bool is_idle() const noexcept { return step_ == step::none && queues_to_do_ + connections_to_do_ == 0; }
    void give_up() { queues_to_do_ = connections_to_do_ = 0; }

    /// Called often.
    void move_on() {
        switch (step_) {
        case step::none: return begin();
        case step::emptying_queue:
            if (messages_.is_quiet(queue_)) ask(step::deleting);
            return;
        case step::emptying_connection:
            for (const auto number : held_)
                if (!messages_.is_quiet(number)) return;
            load_.replace(connection_);
            step_ = step::connecting;
            return;
        case step::connecting:
            if (load_.at(connection_).is_ready()) subscribe_again();
            return;
        case step::deleting:
        case step::creating:
        case step::securing:
        case step::subscribing: return;
        }
    }

    void take(connection&, incoming& what) {
        if (!what.token || *what.token < first_token || step_ == step::none)
            return load_.fail(
                failed("the server sends " + std::string(smp::name(what.content)) + " unasked"));
        if (step_ == step::creating) {
            const auto* ids = std::get_if<smp::msg::ids>(&what.content);
            if (ids == nullptr) return load_.fail(*load::refusal("NEW", what.content));
            return take_ids(*ids);
        }
        if (const auto refused = load::refusal("DEL, SKEY or SUB", what.content)) return load_.fail(*refused);
        if (step_ == step::deleting) return ask(step::creating);
        if (step_ == step::subscribing && --unanswered_ > 0) return;
        if (step_ == step::securing) held_.assign(1, queue_);
        finish();
    }

  private:
    enum class step : unsigned char {
        none,
        emptying_queue,
        deleting,
        creating,
        securing,
        emptying_connection,
        connecting,
        subscribing
    };
    /// Above those of the traffic.
    static constexpr std::uint64_t first_token = std::uint64_t{1} << 40;

    void begin() {
        if (queues_to_do_ > 0) {
            --queues_to_do_;
            queue_ = next_queue_++ % load_.queues().size();
            messages_.hold(queue_);
            step_ = step::emptying_queue;
        } else if (connections_to_do_ > 0) {
            --connections_to_do_;
            connection_ = static_cast<std::uint32_t>(next_connection_++ % load_.connections());
            held_.clear();
            for (std::size_t i = 0; i < load_.queues().size(); ++i) {
                const auto& queue = load_.queues()[i];
                if (queue.recipient_connection != connection_ && queue.sender_connection != connection_)
                    continue;
                held_.push_back(i);
                messages_.hold(i);
            }
            step_ = step::emptying_connection;
        }
    }

    void ask(step what) {
        step_ = what;
        auto& queue = load_.queues()[queue_];
        auto& recipient = load_.at(queue.recipient_connection);
        if (what == step::deleting)
            return recipient.send(first_token, smp::cmd::del{}, queue.recipient_id, &queue.recipient);
        if (what == step::securing) {
            queue.sender.key = crypto::private_key::generate(authorization_, random_);
            auto& sender = load_.at(queue.sender_connection);
            if (auto done = sender.attach(queue.sender); !done) return load_.fail(done.error());
            if (sender.version() >= smp::since::sender_key)
                return sender.send(first_token, smp::cmd::skey{queue.sender.key.public_part()},
                                   queue.sender_id, &queue.sender);
            return recipient.send(first_token, smp::cmd::key{queue.sender.key.public_part()},
                                  queue.recipient_id, &queue.recipient);
        }
        queue.recipient.key = crypto::private_key::generate(authorization_, random_);
        if (auto done = recipient.attach(queue.recipient); !done) return load_.fail(done.error());
        recipient.send(first_token, load_.new_queue(queue, random_key_.public_part(), true), {},
                       &queue.recipient);
    }

    void take_ids(const smp::msg::ids& ids) {
        auto& queue = load_.queues()[queue_];
        queue.recipient_id = entity_id(ids.recipient_id);
        queue.sender_id = entity_id(ids.sender_id);
        auto agreed = crypto::box_key::agree(random_key_, ids.dh_key);
        if (!agreed) return load_.fail(agreed.error());
        queue.body_key = *agreed;
        ask(step::securing);
    }

    void subscribe_again() {
        auto& on = load_.at(connection_);
        unanswered_ = 0;
        step_ = step::subscribing;
        for (const auto number : held_) {
            auto& queue = load_.queues()[number];
            if (queue.sender_connection == connection_)
                if (auto done = on.attach(queue.sender); !done) return load_.fail(done.error());
            if (queue.recipient_connection != connection_) continue;
            if (auto done = on.attach(queue.recipient); !done) return load_.fail(done.error());
            on.send(first_token, smp::cmd::sub{}, queue.recipient_id, &queue.recipient);
            ++unanswered_;
        }
        if (unanswered_ == 0) finish();
    }

    void finish() {
        step_ = step::none;
        ++replaced_;
        for (const auto number : held_) messages_.renew(number);
    }

    load& load_;
    traffic& messages_;
    system_random random_;
    crypto::private_key random_key_; ///< for bodies
    crypto::key_type authorization_;
    step step_ = step::none;
    std::size_t queues_to_do_ = 0;
    std::size_t connections_to_do_ = 0;
    std::size_t next_queue_ = 0;
    std::size_t next_connection_ = 0;
    std::size_t queue_ = 0;
    std::uint32_t connection_ = 0;
    std::vector<std::size_t> held_;
    std::size_t unanswered_ = 0;
    std::uint64_t replaced_ = 0;
};

/// What was in one interval.
struct row {
    double seconds = 0; ///< since the start
    double messages_per_second = 0;
    double median_ms = 0;
    double p99_ms = 0;
    double longest_ms = 0;
    double server_cpu_us = 0;
    double anonymous = 0;
    double file = 0;
    double replaced = 0;
};

class csv_file {
  public:
    explicit csv_file(const std::string& path)
        : file_(path.empty() ? nullptr : std::fopen(path.c_str(), "we")) {
        if (file_)
            std::fputs("seconds,messages_per_second,median_ms,p99_ms,longest_ms,server_cpu_us,"
                       "server_anonymous_bytes,server_file_bytes,replaced\n",
                       file_.get());
    }
    bool is_open() const noexcept { return file_ != nullptr; }
    void write(const row& one) {
        if (!file_) return;
        std::fprintf(file_.get(), "%.1f,%.1f,%.3f,%.3f,%.3f,%.1f,%.0f,%.0f,%.0f\n", one.seconds,
                     one.messages_per_second, one.median_ms, one.p99_ms, one.longest_ms, one.server_cpu_us,
                     one.anonymous, one.file, one.replaced);
        std::fflush(file_.get());
    }

  private:
    struct close_file {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, close_file> file_;
};

double median_of_part(const std::vector<row>& rows, std::size_t begin, std::size_t end, double row::*what) {
    std::vector<double> values;
    for (std::size_t i = begin; i < end; ++i) values.push_back(rows[i].*what);
    return median(std::move(values));
}

figures report_of(const std::vector<row>& rows, const traffic& messages, const churner& churn, double seconds,
                  bool has_process) {
    // The first tenth warms up: growth is from the second to the last.
    const auto tenth = std::max<std::size_t>(1, rows.size() / 10);
    const auto early = std::min(tenth, rows.size() - 1);
    const auto early_end = std::min(early + tenth, rows.size());
    const auto late = rows.size() - tenth;
    auto first = [&](double row::*what) { return median_of_part(rows, early, early_end, what); };
    auto last = [&](double row::*what) { return median_of_part(rows, late, rows.size(), what); };
    figures out = {
        {"messages_per_second", "messages a second", unit::per_second,
         static_cast<double>(messages.delivered()) / seconds},
        {"median_first_ms", "SEND to MSG, median, in the second tenth", unit::milliseconds,
         first(&row::median_ms)},
        {"median_last_ms", "in the last tenth", unit::milliseconds, last(&row::median_ms)},
        {"p99_first_ms", "99th percentile, in the second tenth", unit::milliseconds, first(&row::p99_ms)},
        {"p99_last_ms", "in the last tenth", unit::milliseconds, last(&row::p99_ms)},
    };
    if (has_process) {
        out.push_back({"server_cpu_us", "server CPU a message, in the last tenth", unit::microseconds,
                       last(&row::server_cpu_us)});
        out.push_back(
            {"anonymous_first_bytes", "RssAnon, in the second tenth", unit::bytes, first(&row::anonymous)});
        out.push_back({"anonymous_last_bytes", "in the last tenth", unit::bytes, last(&row::anonymous)});
        out.push_back({"file_last_bytes", "RssFile, in the last tenth", unit::bytes, last(&row::file)});
    }
    out.push_back({"messages", "messages", unit::count, static_cast<double>(messages.delivered())});
    out.push_back(
        {"replaced", "queues and connections replaced", unit::count, static_cast<double>(churn.replaced())});
    out.push_back({lost_key, "lost", unit::count, static_cast<double>(messages.missing())});
    out.push_back({doubled_key, "doubled", unit::count, static_cast<double>(messages.doubled())});
    return out;
}

} // namespace

result<figures> run_soak(const target& to, const options& with) {
    csv_file csv(with.csv);
    if (!with.csv.empty() && !csv.is_open()) return failed("cannot write " + with.csv);
    load on(to, {with.authorization});
    PLEXUS_CHECK(on.open_pairs(with.connections, with.queues));
    traffic messages(on, {with.window, with.size, 16, with.rate});
    messages.prepare();
    churner churn(on, messages, with);
    const auto part = [&](std::size_t all) {
        return with.churn == 0 ? 0 : std::max<std::size_t>(1, all * with.churn / 100);
    };
    std::vector<row> rows;
    const auto begin = clock::now();
    auto last = begin;
    auto cpu = to.cpu();
    std::uint64_t delivered = 0;
    std::uint64_t replaced = 0;
    auto take_interval = [&](clock::time_point now) {
        const double seconds = std::chrono::duration<double>(now - last).count();
        const auto count = static_cast<double>(messages.delivered() - delivered);
        const auto memory = to.memory();
        auto& latencies = messages.latencies();
        row one;
        one.seconds = std::chrono::duration<double>(now - begin).count();
        one.messages_per_second = count / seconds;
        one.median_ms = milliseconds(latencies.quantile(0.5));
        one.p99_ms = milliseconds(latencies.quantile(0.99));
        one.longest_ms = milliseconds(latencies.longest());
        one.server_cpu_us = (to.cpu() - cpu) / std::max(count, 1.0) * 1e6;
        one.anonymous = static_cast<double>(memory.anonymous);
        one.file = static_cast<double>(memory.file);
        one.replaced = static_cast<double>(churn.replaced() - replaced);
        latencies.clear();
        last = now;
        cpu = to.cpu();
        delivered = messages.delivered();
        replaced = churn.replaced();
        csv.write(one);
        rows.push_back(one);
    };
    bool over = false;
    churn.add(part(with.queues), part(with.connections));
    auto enough = [&] {
        const auto now = clock::now();
        on.shown().show(
            "second",
            static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now - begin).count()),
            static_cast<std::uint64_t>(with.time.count()));
        if (!over && now >= last + with.interval) {
            take_interval(now);
            over = now >= begin + with.time;
            if (over)
                churn.give_up();
            else if (churn.is_idle())
                churn.add(part(with.queues), part(with.connections));
        }
        churn.move_on();
        return over && churn.is_idle();
    };
    PLEXUS_CHECK(messages.run(enough, [&](connection& from, incoming& what) { churn.take(from, what); }));
    const double seconds = std::chrono::duration<double>(clock::now() - begin).count();
    if (!with.keep) PLEXUS_CHECK(on.delete_queues());
    return report_of(rows, messages, churn, seconds, to.pid.has_value());
}

} // namespace plexus::bench
