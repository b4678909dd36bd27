#include "checker/traced_setup.h"

#include "checker/machine.h"

namespace selkie {

TracedSetup TracedSetupOf(const Machine& machine) {
  const Layout& layout = machine.layout();
  TracedSetup setup;
  setup.parts = machine.parts();
  setup.widths = layout;
  for (const StoredField& field : FieldsOf(layout))
    setup.places.push_back({field.bit, field.width});
  for (int i = 0; i < kMaxTasks; ++i) {
    const Task& task = layout.blank.tasks[i];
    setup.tasks[i] = {
        static_cast<uint8_t>(task.state), task.fds, task.mm, task.parent, task.mark, task.uid};
  }
  setup.live_mask = layout.live_inode.mask;
  setup.live_mode = layout.live_inode.mode;
  setup.live_uid = layout.live_inode.uid;
  setup.live_gid = layout.live_inode.gid;
  return setup;
}

}  // namespace selkie
