// store-lmdb: plexus.store/1 on an LMDB file that this process owns.
#include "commands.hpp"
#include "environment.hpp"
#include "journaled_store.hpp"

#include "plexus/abi/draft/sim.h"
#include "plexus/plugin.hpp"
#include "plexus/store_service.hpp"

#include <map>

namespace plexus::store_lmdb {
namespace {

result<durability> parse_durability(std::string_view name) {
    if (name == "os") return durability::os;
    if (name == "sync") return durability::sync;
    if (name == "memory") return durability::memory;
    if (name == "unsafe-power") return durability::unsafe_power;
    return make_error(status::invalid,
                      "durability = \"" + std::string(name) + "\" is none of os, sync, memory, unsafe-power");
}

class store_plugin final : public plugin_base {
  public:
    explicit store_plugin(host_ref of) : plugin_base(of) {
        command_.service = {sizeof command_, 0, this};
        command_.run = [](void* self, const char* name, const plexus_config*, const plexus_view* arguments,
                          std::uint32_t count, void (*print)(void*, std::uint32_t, plexus_view),
                          void* context, std::int32_t* exit_code, plexus_error** failure) {
            return guard(failure, [&]() -> result<void> {
                command_call call{static_cast<store_plugin*>(self)->host(), {}, {}, {}};
                for (std::uint32_t i = 0; i < count; ++i) call.arguments.emplace_back(text_of(arguments[i]));
                call.print = [=](std::string_view text) { print(context, 0, to_abi(text)); };
                call.note = [=](std::string_view text) { print(context, 1, to_abi(text)); };
                PLEXUS_TRY(*exit_code, run_command(name, call));
                return {};
            });
        };
    }

    result<void> init() override {
        PLEXUS_TRY(const auto* loop, host().require<plexus_loop>(PLEXUS_LOOP_ID));
        PLEXUS_TRY(const auto* clock, host().require<plexus_clock>(PLEXUS_CLOCK_ID));
        clock_ = clock_view(clock);
        PLEXUS_TRY(const settings with, read_settings());
        PLEXUS_TRY(const auto* random, host().require<plexus_random>(PLEXUS_RANDOM_ID));
        loop_ = loop_ref(loop);
        // The journal's keeper waits on a thread of its own, which a simulation does not have.
        const bool threads = host().service<plexus_sim>(PLEXUS_SIM_ID) == nullptr;
        if (threads && (with.promise == durability::os || with.promise == durability::sync)) {
            PLEXUS_TRY(journaled_, journaled_store::open(with, loop_, clock, random));
            env_ = &journaled_->below();
            keeper_.emplace(loop_, "store-keep");
            // Without a start this object may be gone when a shard hears that the keeper has ended.
            keeping_ =
                keeper_->submit([this] { journaled_->keep(); },
                                [loop = loop_, kept = kept_] { loop.post(0, [kept] { kept->set(); }); });
        } else {
            PLEXUS_TRY(direct_, environment::open(with, loop_));
            env_ = direct_.get();
        }
        service_.open(loop_, *this);
        groups_ = host().counter("store_groups_total", "Groups of batches that were committed together");
        batches_ = host().counter("store_batches_total", "Batches applied by the store");
        failures_ = host().counter("store_failures_total", "Groups of batches that failed");
        map_size_ = host().gauge("store_map_bytes", "Size of the store's memory map");
        map_size_.set(static_cast<std::int64_t>(env_->map_size()));
        log_ = host().log();
        log_.info("store open", {{"path", with.path.native()}});
        if (const auto left_out = journaled_ ? journaled_->left_out() : 0; left_out != 0) {
            const auto count = std::to_string(left_out);
            log_.warning("the journal has a gap, as a power cut may leave: the newest changes do not count",
                         {{"left_out", count}});
        }
        return {};
    }

    task<result<void>> stop() override {
        auto drained = co_await service_.drain();
        if (keeping_) {
            journaled_->end();
            co_await kept_->wait();
        }
        co_return drained;
    }
    ~store_plugin() override {
        if (journaled_) journaled_->end(); // where stop did not come
    }

    const plexus_service* service(std::string_view id) noexcept override {
        if (id == PLEXUS_COMMAND_ID) return &command_.service;
        return id == PLEXUS_STORE_ID ? service_.service() : nullptr;
    }

    // The engine of the service.
    result<plexus_table*> open_table(std::string_view name) { return env_->open_table(name); }
    bool owns(const plexus_table* table) const noexcept { return env_->find(table) != nullptr; }
    std::int32_t try_get(const plexus_table* table, plexus_view key, void (*found)(void*, plexus_view),
                         void* context) noexcept {
        return journaled_ ? journaled_->try_get(table, key, found, context)
                          : env_->try_get(table, key, found, context);
    }
    std::int32_t try_scan(const plexus_scan& range, std::uint32_t (*row)(void*, plexus_view, plexus_view),
                          void* context) noexcept {
        return journaled_ ? journaled_->try_scan(range, row, context) : env_->try_scan(range, row, context);
    }
    bool applies_now() const { return journaled_ && journaled_->applies_now(); }
    std::optional<store_provider::outcome> apply_now(std::span<store_provider::batch* const> group) {
        auto out = journaled_->apply_now(group);
        if (out) count(*out);
        return out;
    }
    store_provider::outcome apply(std::span<store_provider::batch* const> group) {
        store_provider::outcome out = journaled_ ? journaled_->apply(group) : env_->apply(group);
        count(out);
        if (out.failure) {
            failures_.add();
            log_failure(*out.failure);
        }
        return out;
    }

  private:
    void count(const store_provider::outcome& out) {
        groups_.add();
        batches_.add(static_cast<std::int64_t>(out.applied));
        map_size_.set(static_cast<std::int64_t>(env_->map_size()));
    }
    /// A line a kind and minute. [the worker]
    void log_failure(const error& why) {
        auto& [since, quiet] = logged_[why.code()];
        const auto now = clock_.monotonic();
        if (since.count() != 0 && now - since < std::chrono::minutes(1)) {
            ++quiet;
            return;
        }
        log_.error("a commit failed: " + why.message(), {{"more_since_last", std::to_string(quiet)}});
        since = now;
        quiet = 0;
    }

    result<settings> read_settings() const {
        const config_view config = host().config();
        settings with;
        PLEXUS_TRY(with.promise, parse_durability(config.text("durability").value_or("os")));
        with.path = config.text("path").value_or("");
        if (with.path.empty() && with.promise != durability::memory)
            return make_error(status::invalid, "path is missing: name a folder for the store, or set "
                                               "durability = \"memory\" to keep nothing");
        with.map_most =
            static_cast<std::uint64_t>(config.integer("map-size").value_or(std::int64_t(1) << 40));
        with.check_all = config.text("check").value_or("quick") == "full";
        with.owner = std::string(host().raw()->name) + ", " + std::string(host().instance());
        return with;
    }

    plexus_command command_{};
    logger log_;
    loop_ref loop_;
    std::unique_ptr<journaled_store> journaled_; ///< or
    std::unique_ptr<environment> direct_;
    environment* env_ = nullptr; ///< of either
    std::optional<worker> keeper_;
    bool keeping_ = false;
    std::shared_ptr<event> kept_ = std::make_shared<event>();
    store_provider::store_service<store_plugin> service_;
    clock_view clock_;
    std::map<std::int32_t, std::pair<std::chrono::nanoseconds, std::uint64_t>> logged_; ///< by status
    metric groups_;
    metric batches_;
    metric failures_;
    metric map_size_;
};

constexpr const char* capabilities[] = {PLEXUS_CAP_FS_STATE, nullptr};
constexpr const char* provides[] = {PLEXUS_STORE_ID, PLEXUS_COMMAND_ID, nullptr};
constexpr plexus_key keys[] = {
    {"path", PLEXUS_KEY_TEXT, PLEXUS_KEY_PATH, nullptr, nullptr, 0, 0,
     "folder of the store; made (mode 0700) when it is new, held by one program at a time"},
    {"durability", PLEXUS_KEY_TEXT, 0, "os", "os|sync|memory|unsafe-power", 0, 0,
     "what a completed write survives: the process (os; a power cut may take the last 50 ms), a power cut "
     "(sync), nothing, without any file (memory), the process with a file that a power cut may destroy "
     "(unsafe-power)"},
    {"map-size", PLEXUS_KEY_BYTES, 0, "1TiB", nullptr, 1 << 20, std::int64_t(1) << 46,
     "size of the data file at the most"},
    {"check", PLEXUS_KEY_TEXT, 0, "quick", "quick|full", 0, 0,
     "how much of the file is read before the start: 16 MiB from the roots on, or all"},
};
constexpr plugin_info info{
    .id = "store-lmdb",
    .version = "0.1.0",
    .summary = "Keeps data in an LMDB file, with a journal in front",
    .capabilities = capabilities,
    .provides = provides,
    .keys = keys,
    .commands = commands,
};

} // namespace
} // namespace plexus::store_lmdb

PLEXUS_PLUGIN(plexus::store_lmdb::store_plugin, plexus::store_lmdb::info)
