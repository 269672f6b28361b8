"""A training: an agent, its environments, and the episodes they went through."""

from typing import List, Optional

from tensorforce import Runner
from tqdm import tqdm

from agent import create_agent
from client import Client
from env import FlowEnvironment
from results import Episode, mean, summarise

MEAN_OF_LAST = 20


class Training:
    """Trains an agent against connected servers, an episode on each at the same time."""

    def __init__(self, clients: List[Client], seed: Optional[int]) -> None:
        self.episodes: List[Episode] = []
        self._environments = [FlowEnvironment(client) for client in clients]
        self.agent = create_agent(self._environments[0], len(clients), seed)

    def run(self, episodes: int) -> None:
        """Goes through so many episodes, with a progress bar. After a ServerError the episodes so far stay."""
        runner = Runner(agent=self.agent, environments=self._environments)
        with tqdm(total=episodes, desc="Episodes", postfix={"mean_reward": "0.00"}) as bar:
            def finished(_: Runner, parallel: int) -> bool:
                environment = self._environments[parallel]
                number = len(self.episodes) + 1
                self.episodes.append(summarise(number, environment.client.name, environment.episode()))
                recent = mean([episode.reward for episode in self.episodes[-MEAN_OF_LAST:]])
                bar.set_postfix(mean_reward=f"{recent:.2f}", refresh=False)
                bar.update()
                return True

            parallel = len(self._environments) > 1
            runner.run(num_episodes=episodes, sync_episodes=parallel, callback=finished, use_tqdm=False)
