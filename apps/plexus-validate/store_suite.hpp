// The contract of plexus.store/1 as runnable cases, one or more for every sentence of plexus/abi/store.h.
// Used by plexus-validate and by the tests of the store plugins.
#pragma once

#include "suite.hpp"

#include "plexus/kernel/kernel.hpp"
#include "plexus/store.hpp"

#include <atomic>
#include <span>
#include <string>
#include <vector>

namespace plexus::validate {

/// A store plugin and how to configure it. In the settings {folder} stands for a folder of the case's own.
struct store_target {
    std::string library;
    std::vector<std::filesystem::path> plugin_folders;
    std::string settings;         ///< lines of TOML for its section
    std::string bounded_settings; ///< the same for a store of 1 to 16 MiB; empty: cases of FULL are skipped
    bool keeps = false;           ///< opened again in the same folder, it has what was committed
};

/// A store in a running kernel with three shards, for one case. The calling thread is the loader.
class store_bench : public expectations {
  public:
    store_bench(const store_target& target, std::filesystem::path folder);
    store_bench(const store_bench&) = delete;
    store_bench& operator=(const store_bench&) = delete;
    ~store_bench();

    static constexpr std::uint32_t shards = 3;

    void open(bool bounded = false);
    void close();
    const store_target& target() const noexcept { return target_; }
    const plexus_store& store() const noexcept { return *store_; }
    void* self() const noexcept { return store_->service.self; }
    plexus_table* table(const char* name);

    /// Runs on a shard, and waits.
    void on(std::uint32_t shard, const std::function<void()>& step) { kernel_->call(shard, step); }
    bool post(std::uint32_t shard, std::function<void()> step) {
        return kernel_->post(shard, std::move(step));
    }
    /// Waits until a shard or worker has made it true and called wake().
    void wait(const std::function<bool()>& done) { kernel_->run_until(done); }
    void wake() { kernel_->wake(); }
    /// Makes it true, upon which who waits for it may take it away at once, and wakes them.
    void tell(std::atomic<bool>& done) {
        done = true;
        wake();
    }
    kernel::kernel& running() { return *kernel_; }

    /// Commits from a shard and waits for the completion; what the starting call refuses comes back as well.
    std::int32_t commit(const write_batch& batch, std::uint32_t shard = 0);
    void put(plexus_table* in, std::string_view key, std::string_view value, std::uint32_t shard = 0);
    /// By try_get, or by get where that would block.
    std::optional<std::string> get(plexus_table* from, std::string_view key);
    /// The rows of a range as "key=value key=value", by try_scan, or by scan where that would block.
    std::string rows(plexus_table* in, std::string_view from = {}, std::string_view to = {},
                     std::uint32_t flags = 0, std::uint64_t limit = 0);

  private:
    const store_target& target_;
    const std::filesystem::path folder_;
    std::unique_ptr<kernel::kernel> kernel_;
    const plexus_store* store_ = nullptr;
};

struct store_case {
    const char* name = nullptr;
    const char* sentence = nullptr;
    void (*run)(store_bench&) = nullptr;
    bool needs_bound = false; ///< runs on a store with bounded_settings
    bool needs_keeps = false;
};

std::span<const store_case> read_cases();
std::span<const store_case> write_cases();
std::span<const store_case> failure_cases();
std::vector<store_case> store_cases();

/// Runs one case on a store of its own in `folder`, which must be new.
case_report run_store_case(const store_case& one, const store_target& target,
                           const std::filesystem::path& folder);

} // namespace plexus::validate
