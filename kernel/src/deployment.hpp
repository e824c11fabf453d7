// plexus.deployments/1 for one running command: plans of configurations, and kernels that run a part of one.
#pragma once

#include "plexus/abi/draft/deployment.h"
#include "plexus/kernel/kernel.hpp"
#include "plexus/kernel/library.hpp"

namespace plexus::kernel {

class deployments {
  public:
    /// `id` is of the command's plugin.
    deployments(std::string id, std::string program, std::vector<std::filesystem::path> plugin_folders);
    deployments(const deployments&) = delete;
    deployments& operator=(const deployments&) = delete;

    const plexus_service* service() const noexcept { return &table_.service; }

  private:
    plexus_deployments table_{};
    std::string id_;
    std::string program_;
    std::vector<std::filesystem::path> plugin_folders_;
};

} // namespace plexus::kernel
