#include "server.hpp"

namespace plexus::smp_server {
namespace {

/// How often stop looks whether everything has come to its end.
constexpr std::chrono::nanoseconds drain_check = std::chrono::milliseconds(2);
/// Rows of one step of the search for old messages.
constexpr std::uint64_t expire_step = 1'000;

} // namespace

server::server(server_setup setup, std::uint64_t epoch)
    : setup_(std::move(setup)), services_(*this, setup_.loop.shard_count()) {
    const auto count = setup_.loop.shard_count();
    for (std::uint32_t i = 0; i < count; ++i)
        shards_.push_back(std::make_unique<shard>(*this, i, count, epoch));
}

task<void> server::on_each(std::function<void(shard&)> function) {
    for (std::uint32_t i = 0; i < size(); ++i) {
        event done;
        setup_.loop.post(i, [this, i, &function, &done] {
            function(at(i));
            setup_.loop.post(0, [&done] { done.set(); });
        });
        static_cast<void>(co_await done.wait());
    }
}

task<result<void>> server::on_each(engine_step step) {
    for (std::uint32_t i = 0; i < size(); ++i) {
        event done;
        result<void> outcome;
        setup_.loop.post(i, [this, i, step, &outcome, &done] {
            (at(i).engine().*step)([this, &outcome, &done](result<void> finished) {
                outcome = std::move(finished);
                setup_.loop.post(0, [&done] { done.set(); });
            });
        });
        static_cast<void>(co_await done.wait());
        if (!outcome) co_return outcome;
    }
    co_return result<void>();
}

void server::send(std::uint32_t to, std::function<void()> function) {
    if (const auto here = setup_.loop.current_shard(); here >= 0)
        at(static_cast<std::uint32_t>(here)).to_send(to, std::move(function));
    else
        post(to, {std::move(function)});
}

void server::post(std::uint32_t to, std::vector<std::function<void()>> functions) {
    ++under_way_;
    const bool posted = setup_.loop.post(to, [this, functions = std::move(functions)] {
        for (const auto& function : functions) function();
        --under_way_;
    });
    if (!posted) --under_way_;
}

task<result<void>> server::start() {
    const std::function<void(shard&)> start_one = [](shard& each) { each.start(); };
    co_await on_each(start_one);
    co_return co_await on_each(&queue_engine::take_notifications);
}

task<void> server::stop() {
    const std::function<void(shard&)> close_one = [](shard& each) { each.close_all(); };
    co_await on_each(close_one);
    bool quiet = false;
    const std::function<void(shard&)> ask_one = [&quiet](shard& each) { quiet = quiet && each.is_quiet(); };
    while (!quiet) {
        quiet = true;
        co_await on_each(ask_one);
        quiet = quiet && under_way_ == 0;
        if (!quiet) static_cast<void>(co_await sleep_for(setup_.loop, drain_check));
    }
    const auto kept = co_await on_each(&queue_engine::keep_notifications);
    if (!kept)
        setup_.log.warning("notifications that wait could not be kept", {{"why", kept.error().message()}});
    const std::function<void(shard&)> stop_one = [](shard& each) { each.stop(); };
    co_await on_each(stop_one);
}

void server::measure_memory() {
    auto memory = own_memory();
    const auto time = setup_.clock.monotonic();
    if (heap_.due(memory, time)) {
        trim_heap();
        memory = own_memory();
        heap_.trimmed(memory, time);
    }
    const auto limit = setup_.memory_limit;
    if (limit == 0) return;
    const auto before = memory_.load();
    const auto now = pressure_of(memory.resident, limit);
    memory_ = now;
    if (now <= before) return;
    const auto megabytes = std::to_string(memory.resident >> 20);
    const auto given_up = now == pressure::caches      ? std::string_view("cached queues")
                          : now == pressure::newcomers ? std::string_view("new clients")
                                                       : std::string_view("clients");
    warn(log_kind::memory, "memory is short", {{"used_mb", megabytes}, {"given_up", given_up}});
}

void server::warn(log_kind kind, std::string_view message, std::initializer_list<field> fields) {
    std::uint64_t silent = 0;
    if (!warnings_.may_say(kind, setup_.clock.monotonic(), silent)) return;
    setup_.log.warning(message, fields);
    if (silent == 0) return;
    const auto count = std::to_string(silent);
    setup_.log.warning("warnings like the last were left out", {{"count", count}});
}

void server::accept(plexus_stream* raw) {
    at(static_cast<std::uint32_t>(setup_.loop.current_shard())).accept(stream(raw));
}

template <typename Value, typename Act>
void server::at_queue(bytes&& id, std::function<void(result<Value>)> done, Act act) {
    const auto here = static_cast<std::uint32_t>(setup_.loop.current_shard());
    auto found = [this, here, act = std::move(act),
                  done = std::move(done)](const result<std::optional<identifier>>& recipient_id) {
        if (!recipient_id) {
            done(recipient_id.error());
            return;
        }
        if (!*recipient_id) {
            done(make_error(status::not_found, "there is no such queue"));
            return;
        }
        const auto owner = owner_of(**recipient_id, size());
        auto finished = [this, here, done](const result<Value>& outcome) {
            send(here, [done, outcome] { done(outcome); });
        };
        send(owner, [this, owner, act, id = **recipient_id, finished = std::move(finished)] {
            act(at(owner).engine(), id, finished);
        });
    };
    at(here).engine().look_up(std::move(id), std::move(found));
}

void server::manage(bytes id, queue_change change, std::function<void(result<void>)> done) {
    at_queue<void>(std::move(id), std::move(done),
                   [change = std::move(change)](queue_engine& engine, const identifier& queue,
                                                auto finished) { engine.manage(queue, change, finished); });
}

void server::inspect(bytes id, std::function<void(result<queue_view>)> done) {
    at_queue<queue_view>(std::move(id), std::move(done),
                         [](queue_engine& engine, const identifier& queue, auto finished) {
                             engine.inspect(queue, finished);
                         });
}

task<void> server::expire_messages(std::chrono::nanoseconds interval) {
    return expire(interval, {setup_.opened.waiting, &settings::message_ttl, &queue_engine::expire,
                             [](bytes_view value) -> std::optional<std::int64_t> {
                                 const auto list = decode_waiting(value);
                                 if (!list || list->entries.empty()) return std::nullopt;
                                 return list->entries.front().seconds;
                             },
                             "old messages could not be looked for"});
}

task<void> server::expire_suspended(std::chrono::nanoseconds interval) {
    return expire(interval,
                  {setup_.opened.suspended, &settings::suspended_ttl, &queue_engine::expire_suspended,
                   decode_seconds, "suspended queues could not be looked for"});
}

task<void> server::expire(std::chrono::nanoseconds interval, aging what) {
    bool again = true;
    while (again) {
        if (at(0).settings_now().*what.lifetime != 0) co_await expire_all(what);
        const auto slept = co_await sleep_for(setup_.loop, interval);
        again = slept.has_value();
    }
}

task<void> server::expire_all(const aging& what) {
    const auto oldest = at(0).expiry_seconds() - at(0).settings_now().*what.lifetime;
    bytes from{0};
    const bytes to_the_end;
    bool more = true;
    while (more) {
        const auto rows = co_await setup_.store.scan(what.table, from, to_the_end, expire_step);
        if (!rows) {
            if (!rows.error().is(status::cancelled))
                setup_.log.warning(what.complaint, {{"why", rows.error().message()}});
            co_return;
        }
        for (const auto& [key, value] : *rows) {
            const auto since = what.since(value);
            const auto id = to_identifier(key);
            if (!since || !id || *since >= oldest) continue;
            const auto owner = owner_of(*id, size());
            const auto step = what.expire;
            send(owner, [this, owner, step, id = *id] { (at(owner).engine().*step)(id); });
        }
        more = rows->size() == expire_step;
        if (more) {
            from = rows->back().first;
            from.push_back(0);
        }
    }
}

} // namespace plexus::smp_server
