// The server's tables as a command uses them: one call after the other, each waited for.
#pragma once

#include "engine/records.hpp"

#include "plexus/deployment.hpp"

#include <map>

namespace plexus::smp_server {

/// Reads see what was written and not committed yet. Writes are committed in groups. [loader]
class blocking_store {
  public:
    /// Starts the store that a folder's server is wired to.
    static result<std::unique_ptr<blocking_store>> open(host_ref host, const std::string& path);

    const tables& all() const noexcept { return tables_; }
    const deployment& folder() const noexcept { return folder_; }

    result<std::optional<bytes>> get(plexus_table* table, bytes_view key);
    result<void> put(plexus_table* table, bytes key, bytes value);
    result<void> erase(plexus_table* table, bytes key);
    result<void> clear(plexus_table* table);
    /// Commits what is left.
    result<void> flush();

    /// Every row as committed, in steps. `row` (key, value) gives result<void>.
    template <typename Row>
    result<void> each(plexus_table* table, Row row) {
        bytes from{0};
        for (bool more = true; more;) {
            PLEXUS_TRY(const auto rows, step(table, from));
            for (const auto& [key, value] : rows) PLEXUS_CHECK(row(key, value));
            more = rows.size() == step_rows;
            if (!more) break;
            from = rows.back().first;
            from.push_back(0);
        }
        return {};
    }

  private:
    static constexpr std::uint64_t step_rows = 1'000;

    explicit blocking_store(deployment folder) : folder_(std::move(folder)) {}
    result<store_ref::rows> step(plexus_table* table, const bytes& from);
    result<void> wrote(plexus_table* table, bytes key, std::optional<bytes> value);

    deployment folder_;
    store_ref store_;
    tables tables_;
    write_batch batch_;
    std::size_t batch_bytes_ = 0;
    std::map<std::pair<plexus_table*, bytes>, std::optional<bytes>> written_; ///< by the batch
};

} // namespace plexus::smp_server
