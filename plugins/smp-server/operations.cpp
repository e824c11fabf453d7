#include "operations.hpp"

#include "plexus/encoding/base64.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <charconv>

namespace plexus::smp_server {
namespace {

namespace json = boost::json;

constexpr std::chrono::nanoseconds save_interval = std::chrono::minutes(1);
constexpr std::uint64_t recount_step = 1'000;
constexpr std::size_t most_clients = 1'000;
constexpr std::size_t most_words = 8;
constexpr std::size_t most_request = 4'096;

bytes statistics_key() { return to_bytes(std::string_view("statistics")); }

std::optional<std::vector<std::string>> words_of(plexus_view request) {
    if (request.size > most_request) return std::nullopt;
    json::error_code failure;
    const auto value = json::parse(text_of(request), failure);
    if (failure || !value.is_array() || value.get_array().empty() || value.get_array().size() > most_words)
        return std::nullopt;
    std::vector<std::string> out;
    for (const auto& each : value.get_array()) {
        if (!each.is_string()) return std::nullopt;
        out.emplace_back(each.get_string());
    }
    return out;
}

/// Numbers of what is there now, in the store.
constexpr std::array standing{counted::queues,           counted::messages,          counted::notifiers,
                              counted::services,         counted::notifier_services, counted::service_queues,
                              counted::service_notifiers};

void count_row(const tables& opened, const plexus_table* table, bytes_view key, bytes_view value,
               std::array<std::uint64_t, count_of_counts>& found) {
    const auto add = [&](counted what, std::uint64_t amount = 1) {
        found[static_cast<std::size_t>(what)] += amount;
    };
    if (table == opened.queues) {
        add(counted::queues);
    } else if (table == opened.notifiers) {
        add(counted::notifiers);
    } else if (table == opened.waiting) {
        const auto list = decode_waiting(value);
        if (list) add(counted::messages, list->entries.size());
    } else if (table == opened.services) {
        const auto record = decode_service(value);
        const bool notifier = record && record->role == smp::service_role::notifier;
        if (record) add(notifier ? counted::notifier_services : counted::services);
    } else {
        // After the service's id, the queue's own id or its notifier's.
        const bool messages = key.size() == 2 * smp::id_size && equal(key.subspan(smp::id_size), value);
        add(messages ? counted::service_queues : counted::service_notifiers);
    }
}

error no_such_words() {
    return make_error(status::invalid,
                      "the server knows stats, period, clients, queues, queue, block, unblock, delete, "
                      "save, drain and information, each with its own words after it");
}

} // namespace

operations::operations() {
    table_.service = {sizeof table_, 0, this};
    table_.ask = [](void* self, plexus_view words, plexus_view_completion done) -> std::int32_t {
        std::int32_t code = PLEXUS_E_INTERNAL;
        guard(nullptr, [&]() -> result<void> {
            code = static_cast<operations*>(self)->ask(words, done);
            return {};
        });
        return code;
    };
}

task<result<void>> operations::start(server& on, listeners& ports) {
    server_ = &on;
    listeners_ = &ports;
    const auto& setup = on.setup();
    auto stored = co_await setup.store.get(setup.opened.meta, statistics_key());
    if (!stored) co_return std::move(stored).error();
    auto decoded = *stored ? decode_statistics(**stored) : std::nullopt;
    const bool certain = decoded && decoded->clean;
    if (decoded)
        kept_ = *decoded;
    else
        kept_.from = std::chrono::duration_cast<std::chrono::seconds>(setup.clock.wall()).count();
    kept_.value.of(counted::notifications_waiting) =
        0; // the shards count those that they took from the store
    auto saved = co_await save(false);
    if (!saved) co_return saved;
    running_ = true;
    save_timer_.emplace(setup.loop, [this] {
        tasks_.spawn(save_now());
        save_timer_->arm(save_interval);
    });
    save_timer_->arm(save_interval);
    if (!certain) tasks_.spawn(recount());
    co_return result<void>();
}

task<void> operations::stop() {
    if (!running_.exchange(false)) co_return;
    save_timer_.reset();
    co_await tasks_.drained();
    auto saved = co_await save(true);
    if (!saved)
        server_->setup().log.warning("what was counted could not be saved",
                                     {{"why", saved.error().message()}});
}

void operations::describe(json::object information) {
    const std::scoped_lock lock(mutex_);
    information_ = std::move(information);
}

// ---- questions

std::int32_t operations::ask(plexus_view words, plexus_view_completion done) {
    auto asked = words_of(words);
    if (!asked) return PLEXUS_E_INVALID;
    if (!running_) return PLEXUS_E_STOPPING;
    const auto here = static_cast<std::uint32_t>(server_->setup().loop.current_shard());
    server_->send(0, [this, here, done, asked = std::move(*asked)]() mutable {
        tasks_.spawn(run(std::move(asked), here, done));
    });
    return PLEXUS_OK;
}

task<void> operations::run(std::vector<std::string> words, std::uint32_t from, plexus_view_completion done) {
    auto found = co_await find_answer(words);
    server_->send(from, [found = std::move(found), done] {
        if (found) {
            const auto text = json::serialize(*found);
            done.done(done.context, PLEXUS_OK, nullptr, to_abi(std::string_view(text)));
            return;
        }
        const auto failure = lend(found.error());
        done.done(done.context, status_of(found.error()), &failure, plexus_view{});
    });
}

task<operations::answer> operations::find_answer(const std::vector<std::string>& words) {
    const auto& verb = words.front();
    const auto more = words.size() - 1;
    if (verb == "stats" && more == 0) co_return co_await give_statistics();
    if (verb == "clients" && more == 0) co_return co_await give_clients();
    if (verb == "queues" && more == 0) co_return co_await give_queues();
    if (verb == "period" && more == 1) co_return co_await end_period(words[1]);
    if (verb == "drain" && more == 0) co_return co_await drain();
    if (verb == "information" && more == 0) {
        const std::scoped_lock lock(mutex_);
        co_return information_;
    }
    if (verb == "save" && more == 0) {
        auto saved = co_await save(false);
        if (!saved) co_return std::move(saved).error();
        co_return json::object{{"saved", true}};
    }
    queue_change what;
    if (verb == "queue" && more == 1) co_return co_await inspect(words[1]);
    if (verb == "block" && more >= 1 && more <= 3) {
        if (more == 3) {
            std::uint32_t seconds = 0;
            const auto& text = words[3];
            const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
            if (read.ec != std::errc() || read.ptr != text.data() + text.size())
                co_return make_error(status::invalid, "'" + text + "' is no number of seconds");
            what.notice = json::serialize(json::object{{"ttl", seconds}});
        }
        if (more >= 2 && words[2] != "spam" && words[2] != "content")
            co_return make_error(status::invalid,
                                 "'" + words[2] + "' is no reason to block a queue: spam or content is");
        if (more >= 2 && words[2] == "content") what.reason = smp::blocking_reason::content;
        co_return co_await change(words[1], std::move(what));
    }
    if ((verb == "unblock" || verb == "delete") && more == 1) {
        what.what = verb == "delete" ? queue_change::action::remove : queue_change::action::unblock;
        co_return co_await change(words[1], std::move(what));
    }
    co_return no_such_words();
}

task<statistics> operations::sum() {
    statistics out = kept_.value;
    const std::function<void(shard&)> take = [&out](shard& each) { out.merge(each.engine().statistics()); };
    co_await server_->on_each(take);
    co_return out;
}

task<operations::answer> operations::give_statistics() {
    const auto all = co_await sum();
    json::object out{{"from", kept_.from}};
    for (std::size_t i = 0; i < count_of_counts; ++i) out[names_of_counts[i]] = all.counts[i];
    // As signed: they can be below zero for a moment, until they are counted anew.
    for (const auto what : standing) {
        const auto at = static_cast<std::size_t>(what);
        out[names_of_counts[at]] = std::max<std::int64_t>(0, static_cast<std::int64_t>(all.counts[at]));
    }
    constexpr std::array names{"day", "week", "month"};
    for (std::size_t i = 0; i < names.size(); ++i) {
        out[std::string(names[i]) + "Count"] = all.active[i].estimate();
        out[std::string(names[i]) + "CountNtf"] = all.active_notified[i].estimate();
    }
    co_return out;
}

task<operations::answer> operations::give_clients() {
    json::array list;
    std::size_t count = 0;
    const std::function<void(shard&)> take = [&](shard& each) {
        each.each_connection([&](connection& one) {
            if (++count > most_clients) return;
            const auto age = std::chrono::duration_cast<std::chrono::seconds>(one.age());
            list.push_back(json::object{{"shard", one.id().shard},
                                        {"number", one.id().number},
                                        {"version", one.version()},
                                        {"seconds", age.count()},
                                        {"inFlight", one.in_flight()},
                                        {"subscriptions", each.engine().subscriptions(one.id())}});
        });
    };
    co_await server_->on_each(take);
    co_return json::object{{"count", count}, {"clients", std::move(list)}};
}

task<operations::answer> operations::give_queues() {
    const auto all = co_await sum();
    std::size_t loaded = 0;
    std::size_t subscribed = 0;
    std::size_t clients = 0;
    const std::function<void(shard&)> take = [&](shard& each) {
        loaded += each.engine().loaded();
        subscribed += each.engine().subscriptions();
        clients += each.connection_count();
    };
    co_await server_->on_each(take);
    co_return json::object{{"queues", all.counts[0]},
                           {"messages", all.counts[1]},
                           {"loaded", loaded},
                           {"subscribed", subscribed},
                           {"clients", clients}};
}

task<operations::answer> operations::end_period(std::string name) {
    constexpr std::array<std::string_view, count_of_periods> names{"day", "week", "month"};
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) co_return no_such_words();
    const auto which = static_cast<period>(found - names.begin());
    kept_.value.end(which);
    const std::function<void(shard&)> end = [which](shard& each) { each.engine().statistics().end(which); };
    co_await server_->on_each(end);
    co_return json::object{{"ended", name}};
}

task<operations::answer> operations::change(std::string id, queue_change what) {
    auto raw = encoding::base64url_decode(id);
    if (!raw) raw = encoding::base64_decode(id);
    if (!raw || raw->empty())
        co_return make_error(status::invalid, "'" + id + "' is no id of a queue, in base64");
    event done;
    server_->manage(std::move(*raw), std::move(what), [&done](result<void> outcome) {
        if (outcome)
            done.set();
        else
            done.fail(std::move(outcome).error());
    });
    auto outcome = co_await done.wait();
    if (!outcome) co_return std::move(outcome).error();
    co_return json::object{{"changed", id}};
}

task<operations::answer> operations::inspect(std::string id) {
    auto raw = encoding::base64url_decode(id);
    if (!raw) raw = encoding::base64_decode(id);
    if (!raw || raw->empty())
        co_return make_error(status::invalid, "'" + id + "' is no id of a queue, in base64");
    event finished;
    std::optional<result<queue_view>> looked;
    server_->inspect(std::move(*raw), [&](result<queue_view> outcome) {
        looked.emplace(std::move(outcome));
        finished.set();
    });
    static_cast<void>(co_await finished.wait());
    if (!*looked) co_return std::move(*looked).error();
    const auto& found = *looked;
    json::object out;
    out["status"] = found->status == queue_status::active ? "active"
                    : found->status == queue_status::off  ? "suspended"
                                                          : "blocked";
    if (found->blocked) {
        const bool spam = found->blocked->reason == smp::blocking_reason::spam;
        out["reason"] = spam ? "spam" : "content";
        if (!found->blocked->notice.empty()) out["notice"] = found->blocked->notice;
    }
    if (found->mode) out["mode"] = *found->mode == smp::queue_mode::messaging ? "messaging" : "contact";
    out["recipientKeys"] = found->recipient_keys;
    out["secured"] = found->secured;
    out["link"] = found->has_link;
    out["notifier"] = found->has_notifier;
    out["service"] = found->has_service;
    out["subscribed"] = found->subscribed;
    out["messages"] = found->messages;
    out["full"] = found->full;
    co_return out;
}

task<operations::answer> operations::drain() {
    if (!draining_) server_->setup().log.info("draining: nobody is accepted any more");
    draining_ = true;
    co_await listeners_->close();
    std::size_t clients = 0;
    const std::function<void(shard&)> count = [&clients](shard& each) { clients += each.connection_count(); };
    co_await server_->on_each(count);
    co_return json::object{{"clients", clients}};
}

// ---- what is kept

task<result<void>> operations::save(bool clean) {
    auto all = co_await sum();
    auto value = encode(all, clean, kept_.from);
    if (value == saved_) co_return result<void>();
    saved_ = value;
    write_batch batch;
    batch.put(server_->setup().opened.meta, statistics_key(), std::move(value));
    co_return co_await server_->setup().store.commit(std::move(batch));
}

task<void> operations::save_now() {
    auto saved = co_await save(false);
    if (!saved)
        server_->setup().log.warning("what was counted could not be saved",
                                     {{"why", saved.error().message()}});
}

/// After a crash, or in a store that another program filled: how many queues and messages there are.
task<void> operations::recount() {
    const auto& setup = server_->setup();
    const auto before = co_await sum();
    std::array<std::uint64_t, count_of_counts> found{};
    const auto& opened = setup.opened;
    const bytes to_the_end;
    for (auto* table : {opened.queues, opened.waiting, opened.notifiers, opened.services, opened.served}) {
        bytes from{0};
        bool more = true;
        while (more && running_) {
            const auto rows = co_await setup.store.scan(table, from, to_the_end, recount_step);
            if (!rows) co_return;
            for (const auto& [key, value] : *rows) count_row(opened, table, key, value, found);
            more = rows->size() == recount_step;
            if (more) {
                from = rows->back().first;
                from.push_back(0);
            }
        }
    }
    if (!running_) co_return;
    for (const auto what : standing) {
        const auto at = static_cast<std::size_t>(what);
        kept_.value.of(what) += found[at] - before.counts[at];
    }
}

} // namespace plexus::smp_server
