// A configuration as a running command sees it: the sections of its plugin, and the services wired to it.
#pragma once

#include "plexus/abi/draft/deployment.h"
#include "plexus/host.hpp"
#include "plexus/task.hpp"

#include <future>
#include <memory>

namespace plexus {

/// Closed at the end of its life, which stops what was started. [loader]
class deployment {
  public:
    /// `path` is a TOML file, or a folder with a plexus.toml.
    static result<deployment> open(host_ref host, std::string_view path) {
        PLEXUS_TRY(const auto* table, host.require<plexus_deployments>(PLEXUS_DEPLOYMENTS_ID));
        plexus_deployment* opened = nullptr;
        plexus_error* failure = nullptr;
        const std::int32_t code = table->open(table->service.self, to_abi(path), &opened, &failure);
        if (code != PLEXUS_OK) return take_error(code, failure);
        return deployment(table, opened);
    }
    deployment(deployment&& other) noexcept
        : table_(other.table_), opened_(std::exchange(other.opened_, nullptr)) {}
    deployment& operator=(deployment&&) = delete;
    ~deployment() {
        if (opened_ != nullptr) table_->close(opened_);
    }

    struct section {
        std::string_view instance;
        config_view values;
    };
    /// Of every instance of the command's plugin.
    std::vector<section> sections() const {
        std::vector<section> out;
        plexus_view name{};
        for (std::uint32_t i = 0; const auto* each = table_->config(opened_, i, &name); ++i)
            out.push_back({text_of(name), config_view(each)});
        return out;
    }

    /// Starts what provides the service to the first of them.
    template <typename Table>
    result<const Table*> start(const char* id) {
        const plexus_service* service = nullptr;
        plexus_error* failure = nullptr;
        const std::int32_t code = table_->start(opened_, id, &service, &failure);
        if (code != PLEXUS_OK) return take_error(code, failure);
        return reinterpret_cast<const Table*>(service);
    }

    /// Runs `work`, which gives a task<result<void>>, on shard 0, and waits for its end.
    template <typename Work>
    result<void> run(Work work) {
        struct job {
            Work work;
            std::shared_ptr<std::promise<result<void>>> ended;
        } one{std::move(work), std::make_shared<std::promise<result<void>>>()};
        auto outcome = one.ended->get_future();
        const plexus_task posted{[](void* context) {
                                     auto& mine = *static_cast<job*>(context);
                                     drive(mine.work(), mine.ended).self.resume();
                                 },
                                 &one};
        if (table_->post(opened_, posted) != PLEXUS_OK)
            return make_error(status::stopping, "shard 0 does not run");
        return outcome.get();
    }

  private:
    deployment(const plexus_deployments* table, plexus_deployment* opened) : table_(table), opened_(opened) {}

    static detail::detached drive(task<result<void>> work,
                                  std::shared_ptr<std::promise<result<void>>> ended) {
        result<void> outcome;
        {
            task<result<void>> mine = std::move(work);
            outcome = co_await mine;
        }
        ended->set_value(std::move(outcome));
    }

    const plexus_deployments* table_;
    plexus_deployment* opened_;
};

} // namespace plexus
