Feature: Everything says where it came from
  A model is only as good as the rows it learned from. Whoever doubts an answer can follow it back: from the version to
  its query, to the tables, to the files and to the line in which a customer wrote it.

  Scenario: A version is followed back to the files it was made from
    Given a desk with 300 cases
    And the desk was run
    Then the lineage of "intent@1" names these
      | what                          |
      | sql/intent_examples.sql       |
      | sql/tickets.sql               |
      | raw/tickets/tickets-0001.csv  |
      | raw/tickets/legacy-zh.csv     |

  Scenario: A row of a table is followed back to its line, in English and in Chinese
    Given a desk with 300 cases
    And the desk was run
    Then a row of "tickets" from a file like "raw/tickets/tickets-%" is found in its file at the line that is said
    And a row of "tickets" from a file like "raw/tickets/legacy-%" is found in its file at the line that is said
