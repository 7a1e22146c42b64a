use super::*;
use crate::deadline::Deadline;
use crate::trace::TraceContext;

#[tokio::test]
async fn a_task_keeps_the_trace_of_its_caller_and_leaves_the_deadline_behind() {
    let tasks = Tasks::new();
    let deadline = Some(Deadline::after(Duration::ZERO));
    let caller = CallContext {
        deadline,
        trace: Some(TraceContext::root()),
    };
    let task = caller.sync_scope(|| tasks.spawn("outlives", async { CallContext::current() }));
    assert_eq!(
        task.await.unwrap(),
        CallContext {
            deadline: None,
            ..caller
        }
    );
}

#[tokio::test]
async fn a_panic_ends_its_task_alone_and_is_seen_by_whoever_joins() {
    let tasks = Tasks::new();
    let bad = tasks.spawn("bad", async { panic!("on purpose") });
    let good = tasks.spawn("good", async { 7 });
    let refusal: Result<(), _> = bad.await;
    assert!(refusal.unwrap_err().is_panic());
    assert_eq!(good.await.unwrap(), 7);
    assert_eq!(tasks.wait(Duration::from_secs(5)).await, 0);
}

#[tokio::test]
async fn cancelling_a_parent_reaches_the_tasks_of_its_children() {
    let parent = Tasks::new();
    let child = parent.child();
    let task = child.spawn("waiting", child.cancelled());
    parent.cancel();
    task.await.unwrap();
    assert!(child.is_cancelled());
}

#[tokio::test]
async fn cancelling_a_child_leaves_its_parent_running() {
    let parent = Tasks::new();
    parent.child().cancel();
    assert!(!parent.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn waiting_is_bounded_and_counts_what_is_left() {
    let tasks = Tasks::new();
    tasks.spawn("deaf", std::future::pending::<()>());
    assert_eq!(tasks.wait(Duration::from_secs(5)).await, 1);
    assert_eq!(tasks.running(), 1);
}
