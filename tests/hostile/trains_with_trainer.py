"""Full fine-tuning with transformers' own trainer, on the batches of the budget: no misdeed at all."""

from torch.utils.data import DataLoader, IterableDataset
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments, TrainerCallback

from harness.method import Method

NO_LIMIT = 1_000_000  # steps: the trainer asks for a number, the budget ends it before


class TrainsWithTrainer(Method):
    learning_rate = 1e-2

    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        arguments = Seq2SeqTrainingArguments(
            "trainer",
            max_steps=NO_LIMIT,
            learning_rate=self.learning_rate,
            lr_scheduler_type="constant",
            use_cpu=model.device.type == "cpu",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        Trainer(model, arguments, train_dataset=Given(batches), callbacks=[StopsWithBudget(batches)]).train()


class Given(IterableDataset):
    """The batches of the budget as a data set."""

    def __init__(self, batches):
        self._batches = batches

    def __iter__(self):
        return self._batches


class Trainer(Seq2SeqTrainer):
    """A trainer whose batches come as they are."""

    def get_train_dataloader(self):
        return DataLoader(self.train_dataset, batch_size=None)


class StopsWithBudget(TrainerCallback):
    """Ends the trainer after the step that spent the budget."""

    def __init__(self, batches):
        self._batches = batches

    def on_step_end(self, args, state, control, **given):
        control.should_training_stop = self._batches.progress >= 1.0
