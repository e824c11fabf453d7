#include "store_suite.hpp"

#include "plexus/abi.hpp"

namespace plexus::validate {
namespace {

std::string filled(std::string text, const std::string& folder) {
    fill_in(text, "{folder}", folder);
    return text;
}

} // namespace

store_bench::store_bench(const store_target& target, std::filesystem::path folder)
    : target_(target), folder_(std::move(folder)) {}

store_bench::~store_bench() = default;

void store_bench::open(bool bounded) {
    kernel::config_source config;
    config.text = "[kernel]\nshards = " + std::to_string(shards) + "\n[plugin.store]\nlibrary = \"" +
                  target_.library + "\"\n" +
                  filled(bounded ? target_.bounded_settings : target_.settings, folder_.string()) + "\n";
    kernel::kernel_options options;
    options.program = "plexus-validate";
    options.plugin_folders = target_.plugin_folders;
    options.log = [](std::string_view) {};
    auto loaded = kernel::kernel::load(config, std::move(options));
    if (!loaded) throw broken_contract(loaded.error().message());
    kernel_ = std::move(loaded).value();
    if (const auto started = kernel_->start(); !started) throw broken_contract(started.error().message());
    store_ = reinterpret_cast<const plexus_store*>(kernel_->service("store", PLEXUS_STORE_ID));
    expect(store_ != nullptr, "the plugin provides plexus.store/1");
    expect(PLEXUS_HAS(&store_->service, self) && store_->service.size >= sizeof(plexus_store),
           "the table has every field of plexus.store/1");
}

void store_bench::close() {
    const auto stopped = kernel_->stop();
    if (!stopped) throw broken_contract(stopped.error().message());
    store_ = nullptr;
    kernel_.reset();
}

plexus_table* store_bench::table(const char* name) {
    plexus_table* out = nullptr;
    plexus_error* failure = nullptr;
    const std::int32_t code = store_->table(self(), name, &out, &failure);
    if (code != PLEXUS_OK) throw broken_contract(take_error(code, failure).message());
    return out;
}

std::int32_t store_bench::commit(const write_batch& batch, std::uint32_t shard) {
    struct {
        store_bench& bench;
        std::atomic<bool> over{false};
        std::int32_t status = PLEXUS_OK;
    } waiting{*this};
    const plexus_completion done{[](void* context, std::int32_t status, const plexus_error*) {
                                     auto& mine = *static_cast<decltype(waiting)*>(context);
                                     mine.status = status;
                                     mine.bench.tell(mine.over);
                                 },
                                 &waiting};
    std::int32_t started = PLEXUS_OK;
    on(shard, [&] {
        const auto& writes = batch.writes();
        started = store_->commit(self(), writes.data(), static_cast<std::uint32_t>(writes.size()), done);
    });
    if (started != PLEXUS_OK) return started;
    wait([&] { return waiting.over.load(); });
    return waiting.status;
}

void store_bench::put(plexus_table* in, std::string_view key, std::string_view value, std::uint32_t shard) {
    write_batch batch;
    batch.put(in, to_bytes(key), to_bytes(value));
    expect_equal(commit(batch, shard), PLEXUS_OK, "a put is committed");
}

std::optional<std::string> store_bench::get(plexus_table* from, std::string_view key) {
    std::string value;
    const auto take = [](void* context, plexus_view found) {
        static_cast<std::string*>(context)->assign(text_of(found));
    };
    std::int32_t code = store_->try_get(self(), from, to_abi(key), take, &value);
    if (code == PLEXUS_E_WOULD_BLOCK) {
        struct {
            store_bench& bench;
            std::string& value;
            std::atomic<bool> over{false};
            std::int32_t status = PLEXUS_OK;
        } waiting{*this, value};
        const plexus_view_completion done{
            [](void* context, std::int32_t status, const plexus_error*, plexus_view found) {
                auto& mine = *static_cast<decltype(waiting)*>(context);
                mine.value.assign(text_of(found));
                mine.status = status;
                mine.bench.tell(mine.over);
            },
            &waiting};
        on(0, [&] { code = store_->get(self(), from, to_abi(key), done); });
        expect_equal(code, PLEXUS_OK, "get begins where try_get would block");
        wait([&] { return waiting.over.load(); });
        code = waiting.status;
    }
    if (code == PLEXUS_E_NOT_FOUND) return std::nullopt;
    expect_equal(code, PLEXUS_OK, "a read says OK or NOT_FOUND");
    return value;
}

namespace {
void add_row(std::string& to, plexus_view key, plexus_view value) {
    if (!to.empty()) to += ' ';
    to.append(text_of(key)).append("=").append(text_of(value));
}
} // namespace

std::string store_bench::rows(plexus_table* in, std::string_view from, std::string_view to,
                              std::uint32_t flags, std::uint64_t limit) {
    const plexus_scan range{sizeof(plexus_scan), flags, in, to_abi(from), to_abi(to), limit};
    struct {
        store_bench& bench;
        std::string text;
        std::atomic<bool> over{false};
        std::int32_t status = PLEXUS_OK;
    } found{*this, {}};
    std::int32_t code = store_->try_scan(
        self(), &range,
        [](void* context, plexus_view key, plexus_view value) -> std::uint32_t {
            add_row(static_cast<decltype(found)*>(context)->text, key, value);
            return 1;
        },
        &found);
    if (code == PLEXUS_E_WOULD_BLOCK) {
        const auto done = [](void* context, std::int32_t status, const plexus_error*, const plexus_row* list,
                             std::uint64_t count) {
            auto& mine = *static_cast<decltype(found)*>(context);
            for (std::uint64_t i = 0; i < count; ++i) add_row(mine.text, list[i].key, list[i].value);
            mine.status = status;
            mine.bench.tell(mine.over);
        };
        on(0, [&] { code = store_->scan(self(), &range, done, &found); });
        if (code == PLEXUS_OK) wait([&] { return found.over.load(); });
        if (code == PLEXUS_OK) code = found.status;
    }
    expect_equal(code, PLEXUS_OK, "a scan says OK");
    return found.text;
}

std::vector<store_case> store_cases() {
    std::vector<store_case> all;
    for (const auto part : {read_cases(), write_cases(), failure_cases()})
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

case_report run_store_case(const store_case& one, const store_target& target,
                           const std::filesystem::path& folder) {
    if (one.needs_bound && target.bounded_settings.empty())
        return {case_outcome::skipped, "no settings for a store with a bound"};
    if (one.needs_keeps && !target.keeps) return {case_outcome::skipped, "this store keeps nothing"};
    try {
        store_bench bench(target, folder);
        bench.open(one.needs_bound);
        one.run(bench);
    } catch (const std::exception& broken) {
        return {case_outcome::failed, broken.what()};
    }
    return {};
}

} // namespace plexus::validate
