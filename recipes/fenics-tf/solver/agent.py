"""The agent: proximal policy optimisation, small enough for a laptop's core."""

from typing import Optional

from tensorforce import Agent

from env import FlowEnvironment


def create_agent(environment: FlowEnvironment, parallel: int, seed: Optional[int]) -> Agent:
    """A PPO agent that learns from batches of `parallel` episodes.

    The seed decides its first weights, its exploration and its batches (numpy's, Python's and TensorFlow's generators).
    """
    layers = [{"type": "dense", "size": 32, "activation": "tanh"}] * 2
    return Agent.create(
        agent="ppo", environment=environment, parallel_interactions=parallel,
        batch_size=parallel, network=layers, learning_rate=1e-3, multi_step=10, subsampling_fraction=0.5,
        discount=0.97, likelihood_ratio_clipping=0.2, entropy_regularization=0.01,
        baseline=layers, baseline_optimizer={"optimizer": "adam", "learning_rate": 1e-3, "multi_step": 10},
        config={"device": "CPU", "create_tf_assertions": False, "seed": seed},
    )
